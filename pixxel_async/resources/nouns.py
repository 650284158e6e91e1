"""All nouns of the service, as attributes, and calls that none of them has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..http.service_calls import Api
from ..sansio.api.list_calls import Filter
from .aois import Aois
from .archives import Archives
from .bandsets import Bandsets
from .blocks import Blocks
from .catalogs import Catalogs
from .indices import Indices
from .insights import Insights
from .jobs import Jobs
from .order_items import OrderItems
from .orders import Orders
from .projects import Projects
from .raw_request import request
from .reports import Reports
from .satellites import Satellites
from .stores import Stores
from .tasks import Tasks
from .visualizations import Visualizations
from .workflows import Workflows


class Nouns:
    """The base class of the client."""

    def __init__(self, api: Api) -> None:
        """Send the calls of all nouns through `api`."""
        self._calls = api
        self.insights = Insights(api)
        self.aois = Aois(api)
        self.jobs = Jobs(api)
        self.tasks = Tasks(api)
        self.catalogs = Catalogs(api)
        self.projects = Projects(api)
        self.workflows = Workflows(api)
        self.orders = Orders(api)
        self.order_items = OrderItems(api)
        self.satellites = Satellites(api)
        self.archives = Archives(api)
        self.indices = Indices(api)
        self.visualizations = Visualizations(api)
        self.blocks = Blocks(api)
        self.bandsets = Bandsets(api)
        self.stores = Stores(api)
        self.reports = Reports(api)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Filter] | None = None,
        is_safe_to_repeat: bool = False,
    ) -> Any:
        """Send a call that has no method here: authorised, rate-limited, with typed errors.

            projects = await client.request("GET", "/v0/projects", params={"page_size": 5})

        GET is retried as other reads are. Every other method is sent once, unless the service
        certainly did nothing.

        Args:
            method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
            path: The path, from the first slash on.
            json: The body, as JSON types; None sends none.
            params: The query; lists are joined by commas, and None is left out.
            is_safe_to_repeat: Retry it after any failure that passes.

        Returns:
            The JSON of the response; None if it has no body.

        Raises:
            InputError: The method, the path or `json` cannot be sent.
            AnswerLostError: The response was lost, and the call may have had an effect.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not JSON.
        """
        return await request(
            self._calls,
            method,
            path,
            json=json,
            params=params,
            is_safe_to_repeat=is_safe_to_repeat,
        )
