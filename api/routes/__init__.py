"""One file per group of routes. A route reads the request, calls the runtime and shapes its answer."""
