"""The page in the browser and its HTTP API: `edge-digits serve`. Needs the extra `web`."""
