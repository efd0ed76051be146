"""The API: its documentation, routers and exception handlers."""

from django.utils.translation import gettext_lazy as _
from ninja import Swagger

from ecommerce.api.errors import add_exception_handlers
from ecommerce.api.responses import DocumentedAPI, PydanticRenderer
from ecommerce.api.routes import account, after_sale, auth, catalogue, core, customer, orders, organize

DESCRIPTION = _("""\
Amounts are integers in the currency's minor unit. A response holds its result under `data`, or why the request failed
under `error`. Bodies are JSON and come with a Content-Length; unknown fields are ignored. A card's number must never be
sent here: Stripe.js turns it into a token.
""")

api = DocumentedAPI(
    title="Pelcro Orders",
    version="1",
    description=str(DESCRIPTION),
    urls_namespace="api",
    renderer=PydanticRenderer(),
    docs=Swagger(settings={"validatorUrl": None, "persistAuthorization": True, "defaultModelsExpandDepth": -1}),
)
add_exception_handlers(api)
api.add_router("/v1/sdk/auth", auth.router)
api.add_router("/v1/sdk/customer", customer.router)
api.add_router("/v1/sdk/customer", account.router)
api.add_router("/v1/sdk/ecommerce", catalogue.router)
api.add_router("/v1/sdk/ecommerce", orders.router)
api.add_router("/v1/sdk/ecommerce", after_sale.router)
api.add_router("/v1/core", core.router)
api.add_router("/v1/core", organize.router)
