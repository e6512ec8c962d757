"""The authorizers that an HTTP API's OpenAPI document states, made over API Gateway's own API."""

from collections.abc import Callable, Mapping
from typing import Any

Authorization = Callable[[Mapping[str, Any]], dict[str, Any]]
"""What a route of this operation has to be created with."""


def create_authorizers(gateway: Any, api_id: str, definition: Mapping[str, Any]) -> Authorization:
    """Create the document's authorizers, and say which of them each operation has."""
    kinds: dict[str, dict[str, Any]] = {"NONE": {}}
    for name, scheme in definition.get("components", {}).get("securitySchemes", {}).items():
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
            kinds[name] = {"AuthorizationType": "AWS_IAM"}
            continue
        stated = scheme["x-amazon-apigateway-authorizer"]
        jwt = stated["jwtConfiguration"]
        authorizer = gateway.create_authorizer(
            ApiId=api_id,
            Name=name,
            AuthorizerType=stated["type"].upper(),
            IdentitySource=[stated["identitySource"]],
            JwtConfiguration={"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
        )
        kinds[name] = {"AuthorizationType": "JWT", "AuthorizerId": authorizer["AuthorizerId"]}

    def authorization(operation: Mapping[str, Any]) -> dict[str, Any]:
        (requirement,) = operation.get("security", [{"NONE": []}])
        ((name, scopes),) = requirement.items()
        return {**kinds[name], **({"AuthorizationScopes": scopes} if scopes else {})}

    return authorization
