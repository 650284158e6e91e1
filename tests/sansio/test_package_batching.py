"""Records become downloads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import AoiDownload, CatalogDownload, InsightDownload, JobDownload, TaskDownload
from pixxel_async.downloads import Download
from pixxel_async.records import Asset, Catalog, Insight, Job, OrderItem, Record, Task
from pixxel_async.sansio.api import package_batching
from pixxel_async.sansio.api.package_batching import Packer


def packed(packer: Packer, records: list[Record]) -> list[Download]:
    return [*(one for record in records for one in packer.add(record)), *packer.rest()]


@given(st.lists(st.integers(0, 12), max_size=6), st.integers(1, 5))
def test_each_asset_is_in_one_package_of_its_aoi(counts: list[int], size: int) -> None:
    assets: list[Record] = [
        Asset(id=f"{aoi}-{number}", aoi_id=f"a{aoi}")
        for aoi, count in enumerate(counts)
        for number in range(count)
    ]
    downloads = packed(package_batching.asset_packer(size), assets)
    assert len(downloads) == sum(-(-count // size) for count in counts)
    found = []
    for download in downloads:
        assert isinstance(download, AoiDownload)
        assert len(download.asset_ids) <= size
        found += [(id_, download.aoi_id) for id_ in download.asset_ids]
    assert found == [(asset.id, asset.aoi_id) for asset in assets if isinstance(asset, Asset)]


def test_images_and_order_items_share_packages() -> None:
    images: list[Record] = [Catalog(id=str(number)) for number in range(3)]
    assert packed(package_batching.catalog_packer(2), images) == [
        CatalogDownload(catalog_ids=("0", "1")),
        CatalogDownload(catalog_ids=("2",)),
    ]
    items: list[Record] = [OrderItem(id="0")]
    assert packed(package_batching.order_item_packer(2), items) == [
        CatalogDownload(order_item_ids=("0",))
    ]
    assert packed(package_batching.order_item_packer(2), []) == []


def test_what_is_listed_later_leaves_earlier_packages_alone() -> None:
    old: list[Record] = [Asset(id=str(number), aoi_id="a") for number in range(4)]
    new: list[Record] = [Asset(id="new", aoi_id="a"), *old]
    before = packed(package_batching.asset_packer(package_batching.PER_PACKAGE), old)
    after = packed(package_batching.asset_packer(package_batching.PER_PACKAGE), new)
    assert {one.key for one in before} < {one.key for one in after}


def test_each_of_the_others_is_a_package() -> None:
    job = Job(id="j", workflow_id="w")
    task = Task(id="t", workflow_id="w", job_id="j")
    insight = Insight(id="i", aoi_id="a")
    assert package_batching.job_download(job) == JobDownload(workflow_id="w", job_id="j")
    assert package_batching.task_download(task) == TaskDownload(
        workflow_id="w", job_id="j", task_id="t"
    )
    assert package_batching.insight_download(insight) == InsightDownload(aoi_id="a", insight_id="i")
    assert package_batching.insight_download(
        insight, inputs=("1",), outputs=("2",)
    ) == InsightDownload(aoi_id="a", insight_id="i", inputs=("1",), outputs=("2",))


@pytest.mark.parametrize(
    "listed",
    [
        ["1", "2"],
        [{"id": "1"}, {"asset_id": "2", "id": "x"}],
        {"asset_ids": ["1", "2"]},
        '["1", "2"]',
        list(json.dumps({"asset_ids": ["1", "2"]}).encode()),
    ],
)
def test_ids_are_read_in_each_form(listed: Any) -> None:
    assert package_batching.asset_ids(listed) == ("1", "2")


@pytest.mark.parametrize(
    "listed",
    [
        *(None, [], {}, "", "text", "[" * 100_000, 5, [1, 999], [255, 254], ["1", 2], ["1", ""]),
        *([[]], [{"name": "x"}], list(b'{"layers": 1}'), {"asset_ids": "1"}, [True, False]),
    ],
)
def test_a_form_that_is_not_known_has_no_ids(listed: Any) -> None:
    assert package_batching.asset_ids(listed) == ()
