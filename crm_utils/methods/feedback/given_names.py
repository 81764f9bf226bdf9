"""Which words are given names? The most common ones of Korea and of English-speaking countries.

Facts, written for this project: names that parents gave often since the 1940s, English names as
Koreans write them, and Korean ones as they are spelt in Latin letters. Names that are words too stand apart
or in no list: texts decide on them (:mod:`.names`).
"""

from __future__ import annotations

__all__ = ["KOREAN", "KOREAN_WORDS", "LATIN", "NO_NAMES"]

_KOREAN = """
민수 민준 민재 민호 민우 민혁 민석 민성 민규 민철 민찬 민기 민경 민지 민서 민아 민정 민희 민혜 서준 서진
서윤 서연 서현 서영 서우 서아 서희 서은 서원 서율 서후 서하 지훈 지민 지호 지후 지영 지현 지유 지윤 지환
지석 지선 지숙 지희 지율 지용 지웅 지혁 지온 예준 예은 예진 예린 예서 예원 예림 예빈 예솔 예슬 도윤 도현
도훈 도준 도영 도연 도희 도경 도원 도혁 시우 시윤 시현 시은 시영 시후 하준 하윤 하은 하린 하영 하연 하율
하진 하람 하빈 주원 주영 주현 주희 주아 주은 주하 주혁 주호 주환 주안 주미 주형 준서 준호 준우 준혁 준영
준석 준희 준기 준형 준범 준성 준표 준상 준규 준모 준현 준민 건우 건호 건희 건형 건영 현우 현준 현서 현수
현진 현민 현호 현석 현성 현철 현아 현주 현정 현경 현숙 현영 현희 현욱 현승 현도 현태 현선 현종 우진 우현
우영 우빈 우석 우혁 우재 우람 우철 승우 승현 승민 승호 승준 승훈 승원 승환 승희 승아 승연 승은 승혜 승주
승철 승규 승범 승용 승태 승욱 승미 재민 재훈 재윤 재호 재영 재석 재성 재혁 재준 재용 재형 재욱 재환 재철
재은 재하 유나 유미 유빈 유준 유찬 유주 유경 유림 유민 유라 유현 은우 은지 은주 은정 은영 은서 은호 은경
은미 은희 은비 은채 은빈 은별 은솔 은수 은아 은진 은숙 은재 은찬 수민 수진 수연 수현 수빈 수아 수희 수미
수혁 수환 수린 수완 수철 채원 채은 채윤 채영 채린 채연 채아 채민 채빈 채현 연우 연희 연아 연경 연진 연미
연숙 윤서 윤아 윤호 윤우 윤지 윤재 윤정 윤희 윤경 윤미 윤수 윤주 윤영 윤성 윤진 윤하 윤채 윤석 윤식 윤형
윤찬 윤환 윤후 윤혜 윤선 소연 소영 소희 소현 소민 소율 소은 소윤 다은 다현 다영 다혜 다희 다연 다빈 다윤
다솔 아윤 아영 아현 나연 나영 나현 나윤 나경 나희 나린 나정 가은 가영 가윤 가희 가현 가빈 혜진 혜원 혜정
혜영 혜인 혜린 혜수 혜경 혜선 혜미 혜지 혜민 혜숙 혜연 혜윤 혜주 혜리 혜림 혜은 혜승 혜옥 혜란 미경 미영
미선 미연 미희 미란 미자 미애 미옥 미혜 미림 미순 미현 미령 영희 영수 영호 영철 영숙 영진 영민 영훈 영준
영은 영선 영애 영란 영옥 영순 영석 영식 영우 영길 영태 영혜 영경 영배 영현 정우 정민 정현 정훈 정호 정희
정아 정은 정연 정윤 정란 정애 정순 정옥 정혜 정환 정빈 정남 정태 정욱 정림 순자 순옥 순희 순영 순덕 순호
순애 순임 춘자 춘희 말숙 복순 복자 옥자 옥순 옥희 옥주 금자 금순 금희 명자 명숙 명희 명수 명호 명진 명선
명옥 명순 명철 경자 경숙 경희 경아 경수 경민 경훈 경진 경은 경애 경란 경순 경옥 경태 경철 경환 경식 경원
경준 희정 희진 희수 희영 희선 희경 희숙 희주 희원 희재 희철 희연 희성 희준 상우 상현 상민 상훈 상철 상진
상욱 상준 상혁 상원 상윤 상희 상미 상범 상엽 상은 상일 상규 상열 성민 성현 성훈 성호 성진 성준 성재 성희
성아 성자 성철 성환 성일 성욱 성규 성윤 성연 성태 성식 성혁 성열 성빈 동현 동훈 동욱 동진 동민 동우 동호
동건 동수 동규 동희 동혁 동철 동준 동석 동완 동환 동근 동주 동빈 동재 태현 태민 태윤 태영 태호 태훈 태준
태희 태경 태원 태진 태성 태수 태식 태형 태환 태규 태욱 태오 태리 태일 진우 진호 진영 진희 진아 진경 진혁
진욱 진석 진성 진철 진환 진원 진숙 진선 진태 진규 진명 진서 종현 종훈 종수 종호 종민 종철 종석 종원 종혁
종진 종우 종범 종숙 종희 종찬 종인 종욱 용준 용훈 용수 용호 용석 용진 용우 용현 용환 용철 용민 용희 용식
용재 용화 용태 기현 기훈 기태 기범 기철 기석 기웅 기찬 기연 기덕 창민 창우 창훈 창현 창수 창석 창희 창욱
창환 창용 창진 창섭 창모 창정 병철 병훈 병호 병수 병진 병욱 병준 병현 병우 병규 병헌 병민 병희 병국 병재
광수 광호 광현 광민 광훈 광진 광희 광일 광식 광석 광철 인호 인영 인숙 인희 인철 인혜 인경 인국 인표 인석
인규 인나 선우 선영 선희 선미 선아 선경 선민 선화 선옥 선자 선혜 선숙 선애 선균 효진 효정 효주 효은 효민
효영 효리 효선 효경 효숙 효빈 효린 효연 효원 효준 효섭 효재 효인 원준 원희 원영 원빈 원호 원재 원혁 원우
원미 원기 원진 원태 원식 세영 세진 세현 세희 세은 세연 세아 세민 세훈 세준 세윤 세호 세원 세경 세린 보영
보경 보현 보민 보연 보윤 보희 보검 보선 규현 규민 규리 규진 규호 규원 규영 규빈 규태 규식 규철 규연 찬우
찬호 찬희 찬영 찬혁 찬민 찬웅 찬규 한솔 한별 한나 한민 한율 한슬 한준 슬아 초희 새미 은결 라희 라윤 라영
라미 리나 리아 로아 루아 이준 이현 이서 이찬 여은 여원 해린 해영 해솔 해림 해미 해윤 국진 국현 국희 국환
강민 강현 강희 강준 강식 관우 관호 관희 대현 대호 대훈 대영 대희 대진 대일 대식 대웅 대환 두현 두호 두영
두희 문수 문희 문영 문식 범수 범준 범석 범진 범기 범호 봉수 봉순 봉자 봉희 봉식 삼순 석진 석호 석훈 석준
석현 석우 석민 석규 석원 신혜 신영 신애 신우 신옥 신희 언주 완수 완호 일우 일국 일훈 자경 자현 장우 장훈
장호 제니 제민 제훈 제윤 제현 철민 철호 철우 철진 충현 충호 치현 치훈 치호 택수 필립 필호 학수 학민 해철
형준 형우 형석 형민 형진 형욱 형철 형호 형주 형일 형근 형빈 홍석 홍철 홍준 홍기 홍주 화영 화정 화숙 화선
화진 휘성 휘재 흥수 흥민 흥식 근영 근우 근호 근석 남수 남희 남준 남훈 남규 덕수 덕호 덕현 덕화 길수 길자
길순 끝순 점순 점례 분순 말순 귀자 귀순 귀남 라엘 하랑 도아 리우 리안 이호 율아 윤설 서빈 채이 채하 태이
태린 지솔 가율 나율 다율 연준 정국 호석 남길 혁수 호준 호진 호영 호성 호민 후민 희라 희윤 희민 케빈 제이슨
제임스 마이클 데이비드 데이빗 다니엘 에릭 토니 크리스 브라이언 앤디 저스틴 알렉스 제니퍼 제시카 에밀리
소피아 올리비아 클로이 그레이스 줄리아 줄리 앨리스 엘리스 레이첼 스텔라 루시 엠마 리사 켈리 에이미 캐서린
엘레나 미셸 니콜 신디 헬렌 데이브 스티브 스티븐 피터 헨리 잭슨 루카스 노아 리암 에이든 벤자민 매튜 조셉
조슈아 앤드류 사무엘 찰스 찰리 토마스 로버트 윌리엄 리처드 조나단 제레미 애슐리 아만다 스테파니 멜리사 로라
레베카 바네사 빅토리아 나탈리 샬롯 이사벨라 에블린 소피 테일러 다이애나 낸시 린다 메리 마리아 베티 수잔 카렌
웬디 트레이시 안젤라 크리스티나 크리스틴 지미 조니 윌리 제프 제리 게리 래리 네이선 딜런 로건 오웬 루크
오스카 레오
"""
KOREAN = frozenset(_KOREAN.split())
"""Korean given names that are no word, and English ones in Hangul."""

_KOREAN_WORDS = """
지수 지연 지원 지혜 지성 지은 지우 지아 지안 지오 예나 예찬 예지 시원 시연 시아 시온 하나 하늘 하루 하경
주연 주민 준수 현지 현미 우주 우성 승기 승재 재현 재연 재원 재인 재우 재범 재경 재희 재진 유리 유정 유선
유희 유진 유하 유영 은하 은혜 은총 은성 수정 수지 수영 수경 수호 수인 수용 연주 연지 연수 연정 연재 연서
연호 연두 윤기 윤슬 소라 소담 소원 소이 소유 소정 소진 소미 다정 다인 다원 다온 다솜 다미 아름 아연 아린
아인 아람 아라 아진 나은 나리 나라 나래 가을 가온 가람 가인 가연 가원 혜자 미숙 미정 미진 미라 미화 미소
미리 미지 미주 미나 영광 영재 영주 영아 영기 영도 영남 영일 영미 영자 영환 정수 정화 정숙 정원 정자 정식
정석 정미 정선 정인 순이 순남 경미 경화 경선 경호 희망 상수 상기 상호 상아 성미 성수 성경 성숙 성우 성은
성주 성찬 동원 동일 동해 동하 태양 태연 태우 진주 진미 진실 진솔 진수 종영 종국 기원 기준 기정 기수 기쁨
기호 기영 창호 인수 인자 인화 인성 인선 인아 선정 선호 선진 선주 선율 선재 원석 원경 원일 세정 세미 세라
세인 세화 세리 보라 보배 보람 보은 보아 보미 찬양 찬미 한결 한길 한주 한수 한빛 슬기 이슬 초롱 새봄 새롬
아롱 샛별 이안 이든 이나 이수 이진 이솔 바다 나무 사랑 소망 믿음 온유 다운 고은 여진 여름 여울 여정 단비
별이 해인 해수 해원 해주 해준 해나 해성 해일 해진 강산 강우 강인 강림 강호 대한 대성 두나 두리 문정 문호
신자 신아 일호 자영 장미 장원 제인 조은 철수 화자 환희 환호 분이 막내 말자 도하 도진 도담 마루 민주 민영
민선 로운 루다 라온 형식 호연 남주 로하 이한 이재 이경 제시 안나 티나 조이 미아 사라 몰리 에바 마크 빌리
바비 라이언 맥스 희자 길동 진하 봉구
"""
KOREAN_WORDS = frozenset(_KOREAN_WORDS.split())
"""Given names that are words too: 지연 is a delay, 유리 glass, 수정 a correction."""

_LATIN = """
aaron abby abigail abraham adam addison adele adrian adriana agnes ahmed aidan aiden aimee aisha alan albert
alberto alec alejandra alejandro alex alexa alexander alexandra alexis alfred alfredo ali alice alicia alina
alison alistair allan allen allison alma alyssa amanda amelia amina amir amit amy ana anastasia andre andrea
andreas andres andrew andy angela angelica angelina angie anika anita anjali ann anna annabel anne annette
annie anthony antonia antonio anya archie ariana ariel arjun arnold arthur arturo asher ashley ashton astrid
audrey austin ava avery ayesha barbara barry beatrice becky belinda ben benjamin bernadette bernard bernie
bert beth bethany betty beverly bianca billy blake bobby boris brad bradley brandon brandy brenda brendan
brent brett brian brianna bridget britney brittany bruce bruno bryan bryce byron caitlin caleb callum calvin
cameron camila camille carl carla carlos carmen caroline carolyn carrie casey cassandra cassie catherine
cathy cecilia cedric celeste celia cesar chad chaewon charlene charles charlie charlotte chelsea cheryl
chloe chris christa christina christine christopher christy cindy claire clara clare clark claude claudia
clifford clint clyde cole colleen connie connor conor conrad corey cory courtney craig curtis cynthia dahyun
damian damien dan dana daniel daniela danielle danny daphne darius darlene darrell darren daryl dave david
davina dawson deanna debbie deborah debra declan delia denise dennis derek derrick desmond devin devon diana
diane diego dimitri dohyun dominic donald donghyun dongwook donna dora doreen doris dorothy doug douglas
doyoon duncan dustin dwayne dylan ed eddie edgar edith edmund eduardo edward edwin eileen elaine eleanor
elena eli elias elijah elisa elise elizabeth ella ellen ellie elliot elliott eloise elsa elsie emanuel emil
emilia emily emma emmanuel enrique eric erica erik erika erin ernest esme esther ethan ethel eugene eunhye
eunice eunji eunjung eunyoung eva evan evelyn ezra fatima felicia felicity felix fernando fiona florence
frances francesca francesco francis francisco fred freddie freya gabriel gabriela gabrielle gail gareth gary
gavin gemma geoff geoffrey george georgina gerald geraldine gerard giles gillian gina giovanni gladys glenda
glenn gloria gordon graham greg gregory greta gretchen guillermo gwen haeun hamza hanna hannah hans harold
harriet harris harry harvey hassan hayden hayley hayoon hector heidi helen helena henrietta henry herbert
hilary hilda howard hugh hugo hussain hyejin hyeri hyewon hyunjin hyunjoo hyunwoo ian ibrahim ignacio igor
ilya imogen ines ingrid irene irina isaac isabel isabella isabelle isaiah isla ismael israel ivan jackie
jackson jacob jacqueline jaehyun jaemin jaime jake jamal james jamie jan jane janet janice jared jarvis
jason javier jayden jayne jeanette jeff jeffrey jen jenna jennie jennifer jenny jeremiah jeremy jermaine
jerome jerry jesse jessica jessie jesus jieun jiho jihoon jihun jihye jihyun jill jillian jim jimin jimmy
jinho jinwoo jisoo jiwon jiwoo jiyeon jiyoung jo joan joanna joanne jodie joe joel joey johan johannes john
johnny jon jonah jonas jonathan jordan jorge jose joseph josephine joshua josie joyce juan juana juanita
judith judy julia julian juliana julie juliet julio junghoon jungmin jungwoo junho junseo junwoo junyoung
justin justine kai kaitlyn kara karen karim karina karl kate katherine kathleen kathryn kathy katie katrina
kay kayla keith kelly kelsey kelvin kenneth kenny kerry kevin khalid kieran kim kimberley kimberly kirsten
kirsty kris krista kristen kristin kristina kristy kurt kyle kyunghee kyungsoo laila lara larry laura lauren
laurence laurie lawrence leah leanne lena leo leon leonard leonardo leroy leslie lester levi lewis liam
liliana lillian linda lindsay lindsey lionel lisa liz lizzie lloyd logan lois lola lorenzo loretta lorna
lorraine louis louisa louise luca lucas lucia lucinda lucy luis luisa luke lydia lynda lynn mabel maddie
madeleine madison maggie malcolm malik mandy manuel marc marcel marcia marco marcus margaret margarita maria
mariam marian marianne marie marilyn mario marion marisa marissa marjorie marlene marlon marsha marta martha
martin martina marvin mary maryam mateo mathew matilda matteo matthew maureen maurice mauricio maxine megan
mehmet melanie melissa melvin mercedes meredith mia micah michael michaela micheal michelle miguel mikhail
mila mildred millie milo mina minho minjae minji minjun minkyung minseo minsoo minsu minwoo minyoung miranda
miriam mitch mitchell mohamed mohammad mohammed moira molly mona monica monique morgan moses muhammad muriel
mustafa myra nadia nadine nancy naomi natalia natalie natasha nathan nathaniel nayeon neha neil nelson niall
nicholas nicola nicolas nicole nigel nikhil niki nikita nikki nina noah noel noelle nora norma norman olga
oliver olivia omar oscar otto owen pablo paige pam pamela paolo patricia patrick patty paul paula pauline
pedro peggy percy peter petra phil philip phillip phoebe phyllis pierre pooja priscilla priya quentin quinn
rachael rachel rafael rahul raj rajesh ralph ramon raphael raquel raul raymond rebecca reggie regina
reginald rene renee reuben ricardo richard rick rickey ricky riley rita robert roberta roberto rochelle
roderick rodney rodrigo roger rohan roland ron ronald ronan ronnie rory rosa rosalie rosalind rosanna
roxanne ruben rudy rupert russell ruth ryan sabrina sadie sally salma salvador sam samantha samir samuel
sandra sanjay santiago sara sarah sasha saul scott sean sebastian selena seohyun seojun seoyeon seoyun
serena sergei sergio seth seunghyun seungmin seungwoo shane shannon shari sharon shaun shauna shawn sheena
sheila shelby sheldon shelley sherri shirley siddharth sidney sienna sierra silvia simon simone sinead
siobhan siwoo sofia sohee sonia sonya soojin soomin sooyoung sophia sophie soyeon stacey stacy stan stanley
stefan stella stephanie stephen steve steven stewart stuart sujin sumin sunghoon sungjin sungmin susan
susanna susanne susie suyeon suzanne sven sybil sydney sylvia tabitha taehyun taemin tamara tammy tania
tanya tara tasha ted terence teresa terrence tess tessa thelma theo theodore theresa thomas tiffany tim
timothy tina toby todd tom tomas tommy toni tony tracey tracy travis trevor tricia trisha tristan tyler
tyrone uma ursula valentina valerie vanessa vera verity vernon veronica vicki vickie vicky victoria vikram
vince vincent virginia vivian vladimir walter wanda wayne wendy wesley whitney wilfred william willie wilma
winifred winston xavier yasmin yejin yerin yolanda yoojin yoona younghee youngho youngmi youngsoo yousef
yujin yuna yusuf yvette yvonne zach zachary zara zoe
"""
LATIN = frozenset(_LATIN.split())
"""English given names that are no word, and Korean ones in Latin letters; small."""

_NO_NAMES = """
i monday tuesday wednesday thursday friday saturday sunday january february march july september october
november december christmas easter halloween ramadan diwali english british american korean korea japanese
japan chinese china german germany french france italian italy spanish spain indian india european europe
america uk usa london internet google apple samsung amazon ebay paypal visa mastercard klarna dhl ups usps
fedex hermes evri dpd yodel royal mail nike adidas instagram facebook youtube whatsapp tiktok kakao naver
coupang android iphone ipad bluetooth wifi covid ok okay the a an of and or but for with at in on to from by
my your our great good best top very not no all
"""
NO_NAMES = frozenset(_NO_NAMES.split())
"""Words that English writes with a capital in mid-sentence and that are no person; small."""
