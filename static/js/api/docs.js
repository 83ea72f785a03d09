// The OpenAPI document, drawn by Swagger UI (drf-spectacular-sidecar), from our own origin alone.

const place = document.getElementById("swagger-ui");

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  // Asks a server of its own makers otherwise.
  validatorUrl: null,
  requestInterceptor(request) {
    if (!["GET", "HEAD", undefined].includes(request.method)) request.headers["X-CSRFToken"] = place.dataset.token;
    return request;
  },
});
