"""Hypothesis strategies that several modules share."""

from __future__ import annotations

from hypothesis import strategies as st

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    Download,
    InsightDownload,
    JobDownload,
    TaskDownload,
)

ids = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["a/b", "..", ".", "%2F", "a b", "CON", "aux.zip", "日本", "é", "e\u0301", "\x1b[31m", "A", "a"]
)
id_lists = st.lists(ids, min_size=1, max_size=4)
downloads: st.SearchStrategy[Download] = st.one_of(
    st.builds(
        InsightDownload,
        aoi_id=ids,
        insight_id=ids,
        inputs=st.lists(ids, max_size=3),
        outputs=st.lists(ids, max_size=3),
    ),
    st.builds(AoiDownload, aoi_id=ids, asset_ids=id_lists),
    st.builds(JobDownload, workflow_id=ids, job_id=ids),
    st.builds(TaskDownload, workflow_id=ids, job_id=ids, task_id=ids),
    st.builds(CatalogDownload, catalog_ids=id_lists),
    st.builds(CatalogDownload, order_item_ids=id_lists),
)
