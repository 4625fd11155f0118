"""Import an uploaded file of products, page by page, with the errors line by line."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import imports

import_catalogue = Workflow(
    "import_catalogue",
    Step("apply_lines", do=imports.apply, pivot=True),  # what is applied stays
    Step("sum_up", do=imports.finish),
    on_failed=imports.drop,
    deadline=6 * 3600.0,
)
