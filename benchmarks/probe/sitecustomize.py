"""Where does a run spend its time? Looks at the main thread's stack every 10 ms, in every process of a run.

Python imports this file by itself where its folder is on PYTHONPATH; it does nothing unless CRM_PROBE names
a folder, where each process leaves the seconds of its parts.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

INTERVAL_SECONDS = 0.01
#: The first that is found in the stack, in this order, is the part.
IN_A_CELL = {
    "imports": ("importlib._bootstrap",),
    "engine": ("/duckdb/", "/ibis/", "crm_utils/results.py"),
    "models": ("/sklearn/", "/scipy/", "/statsmodels/"),
    "pictures": ("/matplotlib/", "/seaborn/", "crm_utils/plots/", "/matplotlib_inline/"),
}
IN_THE_COMMAND = {
    "loading data": ("crm_utils/loading.py", "crm_utils/snapshots.py"),
    "pages": ("crm_utils/pages/",),
    "imports": ("importlib._bootstrap",),
    "executing notebooks": ("concurrent/futures/",),
}


def watch(folder: Path) -> None:
    main, spent = threading.main_thread().ident, {}
    kernel, begun = "ipykernel" in " ".join(sys.orig_argv), False
    then = saved = time.perf_counter()
    while threading.main_thread().is_alive():
        time.sleep(INTERVAL_SECONDS)
        frame, stack = sys._current_frames().get(main), []
        while frame:
            stack.append((frame.f_code.co_filename, frame.f_code.co_name))
            frame = frame.f_back
        in_cell = any(name == "run_cell" for _, name in stack)
        begun = begun or in_cell
        if kernel and not in_cell:
            part = "between cells" if begun else "kernel start"
        else:
            files = " ".join(file for file, _ in stack)
            parts = IN_A_CELL if kernel else IN_THE_COMMAND
            part = next((p for p, marks in parts.items() if any(m in files for m in marks)), "the rest")
        now = time.perf_counter()
        spent[part] = spent.get(part, 0.0) + now - then
        then = now
        if now - saved > 0.2:
            saved = now
            name = f"{'kernel' if kernel else 'command'}-{os.getpid()}.json"
            (folder / name).write_text(json.dumps(spent), encoding="utf-8")


if os.environ.get("CRM_PROBE"):
    threading.Thread(target=watch, args=(Path(os.environ["CRM_PROBE"]),), daemon=True).start()
