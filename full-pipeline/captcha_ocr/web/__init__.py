"""The servers and the page. FastAPI and Flask are two thin fronts of one `service.Service`."""
