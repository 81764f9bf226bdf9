"""Which column of a file of touches, answers, points or states is which? By name, then by what is left.

For tables that somebody names (``--from events=FILE``): their headings are looked up in words of their own,
so that a ``date`` of messages is no day of an order.
"""

from __future__ import annotations

import json
import re

from crm_utils.proposal.marks import decimal_of
from crm_utils.proposal.matching import Match, fits, holds_several, is_personal, named
from crm_utils.proposal.words import WORDS
from crm_utils.sources.files.guessing import Looked, dates_of
from crm_utils.tables import TABLES, TIME

__all__ = ["match_touches"]

#: As :data:`.words.WORDS`, for the columns of the other tables.
_WORDS = {
    "event_id": "eventid touchid hitid interactionid logid 이벤트id 이벤트번호",
    "session_id": "sessionid visitid gasessionid session 세션id 세션",
    "occurred_at": "eventtime eventdate eventtimestamp dateandtime datetime timestamp time date happenedat "
    "createdat 발생일시 일시 날짜 일자 zeitpunkt datum fecha",
    "event": "eventname eventtype touchpoint touch interaction interactiontype action activity type kind "
    "이벤트명 행동 접점 유형 ereignis evento",
    "source": "utmsource trafficsource 유입경로 유입매체 quelle",
    "medium": "utmmedium 매체",
    "campaign_id": "campaign utmcampaign campaignname campaigncode 캠페인 캠페인명 캠페인번호 kampagne",
    "message_id": "sendid emailid 메시지번호 발송번호",
    "sent_at": "senton sentdate senttime sendtime senddate sent datetime date timestamp "
    "발송일시 발송일 발송시간 versendetam",
    "delivered_at": "deliveredon deliverytime 도달일시 수신일시",
    "opened_at": "openedon opentime opendate opened 오픈일시 열람일시 geoffnetam",
    "clicked_at": "clickedon clicktime clickdate clicked 클릭일시 geklicktam",
    "unsubscribed_at": "unsubscribedon optoutat optoutdate unsubscribed 수신거부일시 수신거부일",
    "redeemed_at": "redeemedon usedat usedon redemptiondate 사용일시 사용일",
    "held_out": "holdout heldback controlgroup 대조군",
    "cost": "spend adspend expense 비용 광고비 kosten gasto",
    "feedback_id": "reviewid responseid answerid surveyid 리뷰번호 응답번호",
    "submitted_at": "submittedon responsedate reviewdate reviewedat answeredat createdat datetime timestamp "
    "date 작성일시 작성일 응답일시 응답일 datum fecha",
    "score": "rating stars nps csat npsscore note 점수 평점 별점 만족도 bewertung sterne puntuacion",
    "text": "review reviewtext comment comments feedback answer verbatim body "
    "내용 후기 리뷰 리뷰내용 의견 코멘트 kommentar comentario",
    "kind": "type surveytype reason transactiontype 구분 유형 종류 art tipo",
    "resolved_at": "resolvedon closedat solvedat 처리일시 해결일시",
    "points": "point pointschange pointsdelta delta change amount 포인트 적립금 마일리지 punkte puntos",
    "expires_at": "expireson expiry expirydate expirationdate validuntil 만료일 만료일시 소멸일 유효기간",
    "status": "state orderstatus orderstate fulfillmentstatus 상태 주문상태 zustand estado",
    "changed_at": "changedon updatedat updatedon since datetime timestamp date 변경일시 변경일 일시",
    "stock": "inventory onhand quantityonhand available 재고 재고수량 bestand",
    "reachable": "valid deliverable active 수신가능",
    "coupon_id": "couponcode couponno code 쿠폰번호 쿠폰코드 gutscheincode",
    "issued_at": "issuedon issuedate createdat 발급일시 발급일 ausgestelltam",
    "value": "discount discountvalue facevalue amount 할인금액 쿠폰금액 wert",
    "asked_at": "askedon invitedat surveysentat sentat datetime date 요청일시 발송일시",
    "tier": "level grade membership membershiplevel class 등급 회원등급 stufe nivel",
    "since": "from startdate startedat validfrom changedat effectivedate date 시작일 변경일 seit",
    "experiment_id": "experiment experimentname test testid testname abtest 실험 실험명 테스트",
    "arm": "variant group variation bucket treatment 그룹 실험군 variante",
    "assigned_at": "assignedon assignmentdate exposedat datetime timestamp date 배정일시 배정일",
    "advertising": "optin consent marketingconsent subscribed agreed "
    "동의 동의여부 수신동의 광고수신동의 einwilligung",
    "referrer_id": "referrer referredby inviterid inviter 추천인 추천인id",
    "referred_at": "referredon inviteddate joinedat date 추천일 가입일",
    "starts_on": "startdate startson begin from month week date 시작일 월 monat",
    "ends_on": "enddate end until to 종료일 ende",
    "acquisition_channel": "channel source utmsource 채널 매체 유입경로",
}  # fmt: skip
#: What numbers a table's rows; a file without such a column tells them apart by what it has.
_KEYS = {"event_id", "message_id", "feedback_id", "coupon_id"}
#: One value for all rows, where no column says it.
_USUAL: dict[tuple[str, str], tuple[object, str]] = {
    ("messages", "held_out"): (False, "no column says who was left out at random: nobody, then"),
    ("feedback", "kind"): ("review", "no column says what was asked: nps, csat, review or case"),
}
_LEFT = "no heading says it: the only times that are left"
_EACH = "no column numbers them: told apart by these, and rows that agree in all of them count once"
_ALONE = "no heading says it: each row has one of its own"


def match_touches(looked: Looked, table: str) -> list[Match]:
    """Matches of a table other than order lines, products and customers.

    Parameters
    ----------
    looked
        A file's first lines.
    table
        The table that they are said to be.

    Returns
    -------
    list of Match
        In the table's order. Times and keys that no heading tells are taken from what is left.
    """
    columns = {name: values for name, values in looked.columns.items() if not is_personal(name, values)}
    types = {column.name: column.type for column in TABLES[table].columns}
    decimal = decimal_of(columns)
    pairs = [(target, kind, name) for target, kind in types.items() for name in columns]
    said = [m for pair in pairs if (m := _judged(*pair, columns[pair[2]], decimal))]
    have: dict[str, Match] = {}
    for best in sorted(said, key=lambda m: -m.sure):  # the surest first: a column is one thing
        if best.target not in have and best.source not in {m.source for m in have.values()}:
            have[best.target] = best
    for target, usual in ((t, u) for (of, t), u in _USUAL.items() if of == table and t not in have):
        have[target] = Match(target, json.dumps(usual[0]), 0.4, usual[1], {}, {"constant": usual[0]})
    left = [n for n in columns if columns[n] and n not in {m.source for m in have.values()}]
    for target in sorted(TABLES[table].required, key=lambda name: name in _KEYS):
        if target not in have and (other := _by_what_is_left(target, types[target], left, looked, have)):
            have[target] = other
            left = [name for name in left if name != other.source]
    return [have[target] for target in types if target in have]


def _judged(target: str, kind: str, name: str, values: list[str], decimal: str) -> Match | None:
    plain = re.sub(r"[\W_]+", "", name).casefold()
    words = [target.replace("_", ""), *_WORDS.get(target, WORDS.get(target, "")).split()]
    if plain not in words or (holds_several(values) and target != "text"):
        return None
    read = fits(kind, values, decimal)
    if read is None:
        return None
    guess, reading = read
    sure = (1.0 - 0.3 * words.index(plain) / len(words)) * guess.sure
    return Match(target, name, round(sure, 2), f"its name; {guess.why}" if guess.why else "its name", reading)


def _by_what_is_left(
    target: str, kind: str, left: list[str], looked: Looked, have: dict[str, Match]
) -> Match | None:
    """A needed column that no heading tells: the one column of times, or what numbers the rows."""
    if kind == TIME:
        times = [name for name in left if dates_of(looked.columns[name])]
        if len(times) != 1:
            return None
        form = dates_of(looked.columns[times[0]])
        assert form is not None
        reading = {} if form.value == "iso" else {"dates": form.value}
        return Match(target, times[0], min(0.5, form.sure), f"{_LEFT}; {form.why}", reading)
    if target not in _KEYS:
        return None
    for name in left:
        values = looked.columns[name]
        if len(values) == looked.rows == len(set(values)) and dates_of(values) is None:
            return Match(target, name, 0.45, _ALONE, {})
    together = [m.source for m in have.values() if m.source in looked.columns]
    if len(together) < 2:
        return None
    source = f"concat({', '.join(map(named, together))})"
    return Match(target, source, 0.4, _EACH, {}, {"columns": together})
