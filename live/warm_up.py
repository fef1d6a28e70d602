"""What every live page does; run at build time to learn which modules that takes.

Whatever else a cell imports comes at that moment: from an archive of `LATER`, or from that of all other modules.
"""

import io
import json
import os
import shutil
import zipfile

with zipfile.ZipFile("/tmp/archive.zip", "w") as archive:
    archive.writestr("warm_up/empty.txt", "")
shutil.unpack_archive("/tmp/archive.zip", "/tmp/unpacked")
os.remove("/tmp/archive.zip")

import live_imports  # noqa: E402  (what comes before is what unpacks it)
import live_kernel  # noqa: E402
import live_rehearsal  # noqa: E402

live_imports.preload([], {}, {})
posted = io.BytesIO()
live_kernel.start(lambda text, buffers: posted.write(text), "[]", True)
cells = [
    "import ae_core, ae_view, ae_widgets",
    "chapter = ae_widgets.sparse_autoencoder_chapter()\nchapter.step(1)",
    "chapter.entry('X', 0, 0, 'X').slider.value += 1",
    "print('printed')\n1 / 0",
]
ended_well = [json.loads(await live_kernel.run_cell(number, source))["ok"] for number, source in enumerate(cells)]  # noqa: F704
live_kernel.comm_message("comm_msg", json.dumps({"content": {"comm_id": "none", "data": {}}}))
live_rehearsal.rehearse(0)
if ended_well != [True, True, True, False]:
    raise RuntimeError(f"The kernel does not run the book's cells: {posted.getvalue()[-2000:].decode(errors='replace')}")

LATER = {
    "random.zip": "import ae_explore, ae_sweep\nae_sweep.np.random.default_rng(0).standard_normal(1)",
}
"""Archives of what only some pages import, each with what makes them import it: pages that train draw numbers."""
