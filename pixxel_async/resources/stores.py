"""Stores: buckets of yours that the service delivers to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal

from pydantic import SecretStr

from ..errors import InputError, PixxelError
from ..http.service_calls import Api
from ..records import ServiceModel, Store
from ..sansio.api.list_calls import Source, given
from ..sansio.secrets import Redactor
from .changes import create, delete
from .listing import Listing

SECRETS = {
    "S3": ("access_key_id", "secret_access_key"),
    "AZBLOB": ("account_name", "tenant_id", "client_id", "client_secret"),
    "GCS": ("project_id", "service_account_credentials"),
}
"""The names of the credentials of each type."""


class Stores:
    """Calls for stores.

        async for store in client.stores.list():
            print(store.id, store.bucket)

    Use it as `client.stores`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(self) -> AsyncIterator[Store]:
        """List the stores of the workspace (operation `ListStores`); no paging.

            ids = {store.name: store.id async for store in client.stores.list()}

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.
        """
        source = Source(operation="ListStores", record=Store, path=("stores",), within="stores")
        return Listing(self._api, source)

    async def create(  # noqa: PLR0913 - the documented fields, by name
        self,
        *,
        name: str,
        store_type: Literal["S3", "GCS", "AZBLOB"],
        bucket: str,
        region: str,
        secrets: Mapping[str, str | SecretStr],
        path_prefix: str | None = None,
        labels: Mapping[str, str] | None = None,
        repeat_if_lost: bool = False,
    ) -> Store:
        """Create a store (operation `CreateStore`); the document names no price.

            store = await client.stores.create(
                name="analysis",
                store_type="S3",
                bucket="my-data-bucket",
                region="us-east-2",
                secrets={
                    "access_key_id": os.environ.get("STORE_KEY_ID", "an id"),
                    "secret_access_key": os.environ.get("STORE_KEY", "a secret"),
                },
            )

        The service receives the credentials; errors and the log do not show them. It is sent once,
        unless the service certainly did nothing.

        Args:
            name: A name that no other store has.
            store_type: `S3`, `GCS` or `AZBLOB`; the service's field `type`.
            bucket: The name of the bucket.
            region: The region, as its provider names it.
            secrets: Credentials that may write to it. S3: `access_key_id` and
                `secret_access_key`. AZBLOB: `account_name`, `tenant_id`, `client_id` and
                `client_secret`. GCS: `project_id` and `service_account_credentials`.
            path_prefix: Comes before the path of each object.
            labels: Texts of your own, by name.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second one may be created.

        Raises:
            InputError: An argument is empty, the type is unknown, or a credential is missing.
            AnswerLostError: The response was lost, and it may have been created; `list` shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ConflictError: The name is taken.
            ApiError: The service responded with another error.
            ResponseError: The response is not as documented; it may have been created.
        """
        operation = "CreateStore"
        plain = {
            field: value.get_secret_value() if isinstance(value, SecretStr) else value
            for field, value in secrets.items()
        }
        _check_secrets(operation, store_type, plain)
        configs = {
            "bucket": given(operation, "bucket", bucket),
            "region": given(operation, "region", region),
        }
        source = Source(
            operation=operation,
            record=Store,
            path=("stores",),
            body={
                "name": given(operation, "name", name),
                "type": store_type,
                "configs": configs
                if path_prefix is None
                else configs | {"path_prefix": path_prefix},
                "secrets": plain,
                "labels": labels,
            },
        )
        try:
            return await create(self._api, source, repeat_if_lost=repeat_if_lost)
        except PixxelError as error:
            Redactor((value, "…") for value in plain.values()).error(error)
            raise

    async def delete(self, store_id: str, *, repeat_if_lost: bool = False) -> None:
        """Delete a store (operation `DeleteStore`); what it holds stays.

            async for store in client.stores.list():
                await client.stores.delete(store.id)
                break

        Deliveries to it end. It is sent once, unless the service certainly did nothing.

        Args:
            store_id: The store.
            repeat_if_lost: If the response is lost or the service fails, send it again.

        Raises:
            InputError: The id is empty.
            AnswerLostError: The response was lost, and the store may be deleted.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
        """
        source = Source(
            operation="DeleteStore",
            record=ServiceModel,
            path=("stores", store_id),
            method="DELETE",
        )
        await delete(self._api, source, repeat_if_lost=repeat_if_lost)


def _check_secrets(operation: str, store_type: str, secrets: Mapping[str, str]) -> None:
    if store_type not in SECRETS:
        message = f"{operation}: the type is not one of {', '.join(SECRETS)}"
        raise InputError(message)
    missing = [name for name in SECRETS[store_type] if not secrets.get(name)]
    if missing:
        message = f"{operation}: secrets lacks {', '.join(missing)}, which {store_type} needs"
        raise InputError(message)
