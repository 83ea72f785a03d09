"""One file a subject. A view checks, asks a selector or a service, and shapes the answer."""
