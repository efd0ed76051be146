"""The storefront: static pages whose JavaScript calls the public API."""
