SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  docExpansion: "none",
  deepLinking: true,
  validatorUrl: null,
});
