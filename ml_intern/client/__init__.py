"""How people and programs reach the product: one list of requests, here or over the socket."""
