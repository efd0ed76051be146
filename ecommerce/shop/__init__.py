"""The storefront: pages that ask the public API from the browser, as a shop of one's own would."""
