"""The verbs of imagery: what can be found, ordered and delivered."""

from __future__ import annotations

from ..options.bodies import Parts
from ..options.fields import (
    area,
    bounds,
    captured,
    choice,
    count,
    json_file,
    json_value,
    one_id,
    output_file,
    pairs,
    ranges,
    sorting,
    sources,
    text,
    texts,
    time,
)
from .verbs import Change, Verb

_ORDER = (
    one_id("project_id", "--project", "The project.", needed=True),
    text("usecase", "--usecase", "What it is for, such as agriculture.", needed=True),
    area("geometry", "--geometry", "Its area, polygons.", needed=True),
    text("name", "--name", "A name of at most 100 characters."),
    texts("item_ids", "--item", "An image of the archive; without it, the item is a tasking."),
    choice(
        "recurrence",
        "--recurrence",
        "How often a tasking recurs.",
        "ONCE|MONTHLY|BIMONTHLY|QUARTERLY|NOT_APPLICABLE",
    ),
    time("start_date", "--start", "The first day of a tasking."),
    time("end_date", "--end", "The day after its last one."),
    count("no_of_occurrences", "--occurrences", "How often it recurs, in place of --end."),
    count("cloud_cover", "--cloud-cover", "The most clouds, in percent."),
    count("off_nadir", "--off-nadir", "The greatest angle from the vertical, in degrees."),
    one_id("bandset_id", "--bandset", "Its bands: see bandsets list.", at="bandset.bandset_id"),
    choice("delivery_speed", "--delivery-speed", "How fast.", "STANDARD|NOT_APPLICABLE"),
    one_id("store_id", "--store", "Deliver to this store.", at="cloud_delivery.config"),
    text("store_path", "--path", "The path in the store.", at="cloud_delivery.path"),
)
_ORDER_EXAMPLE = (
    "--project PROJECT_ID --usecase agriculture --geometry field-7.geojson --item ITEM_ID"
)

VERBS: dict[str, dict[str, Verb]] = {
    "satellites": {
        "list": Verb(
            operation="List Satellites",
            call="satellites.list",
            help="List satellites and the collections of their images.",
            yields=True,
        ),
        "search": Verb(
            operation="SearchSatelliteImages",
            call="satellites.search",
            help="Search images of an area for aois create. This costs nothing.",
            fields=(
                time("start_date", "--start", "The first moment.", needed=True),
                time("end_date", "--end", "The last moment.", needed=True),
                sources("satellites", "--source", "A satellite and its collection.", needed=True),
                area("geometry", "--geometry", "The area.", needed=True),
                ranges("filters", "--range", "The range of a property."),
            ),
            has_body=True,
            yields=True,
            columns="archives",
            example="--start 30d --end today --source SATELLITE_ID:sentinel-2-l2a "
            "--geometry field-7.geojson --range eo:cloud_cover=0..20",
        ),
    },
    "archives": {
        "collections": Verb(
            operation="ListCollections",
            call="archives.list_collections",
            help="List the collections of the archive.",
            fields=(texts("ids", "--id", "This collection."),),
            yields=True,
            columns="collections",
        ),
        "collection": Verb(
            operation="GetCollectionById",
            call="archives.get_collection",
            help="Show one collection.",
            ids=("collection_id",),
            columns="collections",
        ),
        "items": Verb(
            operation="ListItemInCollection",
            call="archives.list_items",
            help="List the items of a collection.",
            ids=("collection_id",),
            yields=True,
        ),
        "item": Verb(
            operation="GetCollectionItemById",
            call="archives.get_item",
            help="Show one item; --json writes it as STAC.",
            ids=("collection_id", "item_id"),
        ),
        "search": Verb(
            operation="SearchItemInArchive",
            call="archives.search",
            help="Search items for orders create; --json writes them as STAC. This costs nothing.",
            fields=(
                area("intersects", "--geometry", "Images that intersect this area."),
                captured("datetime", "--captured", "Images taken in this interval."),
                texts("collections", "--collection", "Items of this collection."),
                texts("ids", "--id", "This item."),
                bounds("bbox", "--bbox", "Images that intersect these bounds, in degrees."),
                json_value("query", "--query", "Conditions on properties."),
                sorting("sort_by", "--sort", "What to sort by.", at="sortby"),
            ),
            has_body=True,
            yields=True,
            example="--geometry field-7.geojson --captured 30d/.. "
            """--query '{"cloudcover": {"lt": 10}}'""",
        ),
    },
    "bandsets": {
        "list": Verb(
            operation="ListBandsets",
            call="bandsets.list",
            help="List bandsets.",
            yields=True,
        ),
    },
    "orders": {
        "get": Verb(
            operation="GetOrderById",
            call="orders.get",
            help="Show one order; --json has its items.",
            ids=("order_id",),
        ),
        "estimate": Verb(
            operation="SubmitOrder",
            call="orders.estimate",
            help="Show what an order would cost; this orders and spends nothing.",
            fields=_ORDER,
            parts=Parts("order_items", "order_items"),
            has_body=True,
            columns="estimates",
            example=_ORDER_EXAMPLE,
        ),
        "create": Verb(
            operation="SubmitOrder",
            call="orders.create",
            help="Order images of the archive, or a tasking; several items by --body. This costs "
            "money.",
            fields=_ORDER,
            parts=Parts("order_items", "order_items"),
            has_body=True,
            example=_ORDER_EXAMPLE,
            change=Change(
                done="created", look="orders list", asks=True, estimate="orders.estimate"
            ),
        ),
    },
    "order-items": {
        "get": Verb(
            operation="GetOrderItemById",
            call="order_items.get",
            help="Show one order item.",
            ids=("order_item_id",),
        ),
    },
    "catalogs": {
        "get": Verb(
            operation="GetCatalogById",
            call="catalogs.get",
            help="Show one image.",
            ids=("catalog_id",),
        ),
        "deliveries": Verb(
            operation="ListDeliveries",
            call="catalogs.list_deliveries",
            help="List deliveries of images to stores.",
            fields=(
                one_id("delivery_id", "--delivery", "This delivery."),
                one_id("catalog_id", "--catalog", "Deliveries of this image."),
                one_id("task_id", "--task", "Deliveries of this task."),
                one_id("order_item_id", "--order-item", "Deliveries of this order item."),
            ),
            yields=True,
            columns="deliveries",
            example="--catalog CATALOG_ID",
        ),
        "deliver": Verb(
            operation="CreateDelivery",
            call="catalogs.create_deliveries",
            help="Deliver images to a store of yours; the traffic may cost.",
            fields=(
                one_id(
                    "store_id",
                    "--store",
                    "The store: see stores list.",
                    at="cloud_info.config",
                    needed=True,
                ),
                text("path", "--path", "A prefix in the store.", at="cloud_info.path"),
                texts("catalog_ids", "--catalog", "An image; give these or --order-item."),
                texts("order_item_ids", "--order-item", "An order item, with all its images."),
            ),
            parts=Parts("deliveries", "deliveries"),
            has_body=True,
            columns="deliveries",
            example="--store STORE_ID --catalog CATALOG_ID --catalog CATALOG_ID",
            change=Change(done="created", look="catalogs deliveries"),
        ),
    },
    "stores": {
        "list": Verb(operation="ListStores", call="stores.list", help="List stores.", yields=True),
        "create": Verb(
            operation="CreateStore",
            call="stores.create",
            help="Create a store; the service gets credentials that may write to your bucket.",
            fields=(
                text("name", "--name", "A name that no other store has.", needed=True),
                choice(
                    "store_type", "--type", "Whose bucket.", "S3|GCS|AZBLOB", at="type", needed=True
                ),
                text("bucket", "--bucket", "The bucket.", at="configs.bucket", needed=True),
                text("region", "--region", "Its region.", at="configs.region", needed=True),
                json_file(
                    "secrets",
                    "--secrets",
                    "The credentials, as a JSON object. For S3: access_key_id, secret_access_key.",
                    needed=True,
                    is_secret=True,
                ),
                text(
                    "path_prefix",
                    "--path-prefix",
                    "Comes before the path of each object.",
                    at="configs.path_prefix",
                ),
                pairs("labels", "--label", "A text of your own."),
            ),
            has_body=True,
            example="--name analysis --type S3 --bucket my-data --region us-east-2 "
            "--secrets secrets.json",
            change=Change(done="created", look="stores list", asks=True),
        ),
        "delete": Verb(
            operation="DeleteStore",
            call="stores.delete",
            help="Delete a store; what it holds stays, and deliveries to it end.",
            ids=("store_id",),
            change=Change(done="deleted", look="stores list", asks=True),
        ),
    },
    "reports": {
        "download": Verb(
            operation="DownloadOrderReport",
            call="reports.save",
            help="Save the report of all orders as CSV.",
            fields=(
                output_file("path", "--output", "The file; one that is there is replaced."),
                text("tz", "--tz", "The time zone of its times, such as Asia/Kolkata."),
            ),
            example="--output orders.csv",
        ),
    },
}
