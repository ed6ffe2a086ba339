"""What one tenant may try against another's directory, sign-in and mail (see `crossing`)."""

from urllib.parse import quote

from gatepost_conformance.crossing import NOTHING, OWN, REFUSED, Attempt, graph
from gatepost_conformance.tenancy import AZURE_CLI

GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
OBJECTS = {
    "/applications": ["{application_id}"],
    "/servicePrincipals": ["{principal_id}", "{automation_id}"],
    "/users": ["{user_id}", "{admin_id}", "{user_name}@{tenant_domain}"],
    "/groups": ["{people}"],
    "/directoryObjects": ["{application_id}", "{principal_id}", "{user_id}", "{people}", "{deleted_id}"],
}
CHANGES = {
    "/applications": {"displayName": "Intruder"},
    "/servicePrincipals": {"accountEnabled": False},
    "/users": {"displayName": "Intruder"},
    "/groups": {"displayName": "Intruder"},
}
RELATIONS = {
    "/applications": ["owners", "federatedIdentityCredentials", "federatedIdentityCredentials/{federated}"],
    "/servicePrincipals": [
        "owners", "memberOf", "ownedObjects", "appRoleAssignments", "appRoleAssignedTo", "oauth2PermissionGrants",
        "appRoleAssignedTo/{app_role_assignment}",
    ],
    "/users": ["memberOf", "transitiveMemberOf", "ownedObjects", "appRoleAssignments", "oauth2PermissionGrants"],
    "/groups": ["members", "transitiveMembers", "owners", "memberOf", "appRoleAssignments", "members/$count"],
}
IDS = ["{application_id}", "{principal_id}", "{user_id}", "{people}", "{admin_id}", "{automation_id}"]


def reference(identifier):
    """What `$ref` takes."""
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{identifier}"}


def objects():
    """The objects themselves, by each of their keys."""
    for kind, ids in OBJECTS.items():
        for identifier in ids:
            path = f"{kind}/{identifier}"
            yield graph("GET", path)
            yield graph("GET", f"{path}?$select=id,displayName")
            yield graph("DELETE", path)
            if kind in CHANGES:
                yield graph("PATCH", path, CHANGES[kind])
            yield graph("POST", f"{path}/getMemberGroups", {"securityEnabledOnly": False})
            yield graph("POST", f"{path}/checkMemberGroups", {"groupIds": ["{people}"]})
            for relation in RELATIONS.get(kind, []):
                yield graph("GET", f"{path}/{relation}")
    for kind in ("/applications", "/servicePrincipals"):
        for client in ("{app_id}", "{automation_client}"):
            yield graph("GET", f"{kind}(appId='{client}')")
            yield graph("PATCH", f"{kind}(appId='{client}')", CHANGES[kind])
    for kind, identifier in (("/applications", "{application_id}"), ("/servicePrincipals", "{principal_id}")):
        path = f"{kind}/{identifier}"
        yield graph("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "intruder"}})
        yield graph("POST", f"{path}/removePassword", {"keyId": "{secret_key_id}"})
        yield graph("POST", f"{path}/owners/$ref", reference("{my_user_id}"))
        yield graph("PATCH", path, {"keyCredentials": []})
    trust = {"name": "intruder", "issuer": "https://i.example", "subject": "i", "audiences": ["api://AzureADTokenExchange"]}
    yield graph("POST", "/applications/{application_id}/federatedIdentityCredentials", trust)
    yield graph("PATCH", "/applications/{application_id}/federatedIdentityCredentials/{federated}", {"subject": "i"})
    yield graph("DELETE", "/applications/{application_id}/federatedIdentityCredentials/{federated_name}")
    yield graph("POST", "/users/{user_id}/revokeSignInSessions")
    password = {"passwordProfile": {"password": "Correct-Horse-Battery-9"}}
    yield graph("PATCH", "/users/{user_id}", password)
    yield graph("GET", "/directory/deletedItems/{deleted_id}")
    yield graph("POST", "/directory/deletedItems/{deleted_id}/restore")
    yield graph("DELETE", "/directory/deletedItems/{deleted_id}")
    yield graph("GET", "/organization/{tenant}")
    yield graph("GET", "/domains/{tenant_domain}")
    yield graph("GET", "/{tenant}/users")
    yield graph("GET", "/auditLogs/signIns/{correlation}")


def searches():
    """Questions that find nothing of the other tenant's."""
    for kind, questions in {
        "/applications": ["appId eq '{app_id}'", "id eq '{application_id}'"],
        "/servicePrincipals": ["appId eq '{app_id}'", "servicePrincipalNames/any(n:n eq '{app_id}')"],
        "/users": ["userPrincipalName eq '{user_name}@{tenant_domain}'", "displayName eq '{user_title}'"],
        "/groups": ["displayName eq '{people_title}'", "startsWith(displayName,'{people_title}')"],
        "/directory/deletedItems/microsoft.graph.user": ["id eq '{deleted_id}'"],
        "/auditLogs/signIns": ["userId eq '{admin_id}'", "appId eq '{app_id}'"],
        "/oauth2PermissionGrants": ["clientId eq '{principal_id}'"],
        "/roleManagement/directory/roleAssignments": ["principalId eq '{user_id}'"],
    }.items():
        for question in questions:
            yield graph("GET", f"{kind}?$filter={question}", expect=NOTHING)
    search = {"ConsistencyLevel": "eventual"}
    yield graph("GET", '/users?$search="displayName:{user_title}"&$count=true', headers=search, expect=NOTHING)
    yield graph("GET", "/users/$count?$filter=displayName eq '{user_title}'", headers=search, expect=NOTHING)
    for kind in ("/directoryObjects", "/users", "/groups", "/servicePrincipals", "/applications"):
        yield graph("POST", f"{kind}/getByIds", {"ids": IDS}, expect=NOTHING)
    for groups in (["{people}"], ["{people}", "{my_people}"]):
        yield graph("POST", "/users/{my_user_id}/checkMemberGroups", {"groupIds": groups}, expect=NOTHING)
    requests = [
        {"id": str(number), "method": "GET", "url": f"/directoryObjects/{identifier}"}
        for number, identifier in enumerate(IDS)
    ]
    yield graph("POST", "/$batch", {"requests": requests}, expect=NOTHING)
    named = {"entityType": "Group", "displayName": "{people_title}", "mailNickname": "people"}
    yield graph("POST", "/directoryObjects/validateProperties", named, expect=NOTHING)


def links():
    """The other tenant's objects in what an intruder does in the own directory."""
    for identifier in IDS:
        for path in (
            "/groups/{my_people}/members/$ref",
            "/groups/{my_people}/owners/$ref",
            "/applications/{my_application_id}/owners/$ref",
            f"/directoryRoles(roleTemplateId='{GLOBAL_READER}')/members/$ref",
        ):
            yield graph("POST", path, reference(identifier))
        yield graph("DELETE", f"/groups/{{my_people}}/members/{identifier}/$ref")
        bound = {"members@odata.bind": [reference(identifier)["@odata.id"]]}
        yield graph("PATCH", "/groups/{my_people}", bound)
        group = {"displayName": "Intruder", "mailEnabled": False, "mailNickname": "intruder", "securityEnabled": True}
        yield graph("POST", "/groups", {**group, **bound})
        yield graph("POST", "/roleManagement/directory/roleAssignments", {
            "principalId": identifier, "roleDefinitionId": GLOBAL_READER, "directoryScopeId": "/",
        })
        yield graph("POST", "/servicePrincipals/{my_principal_id}/appRoleAssignedTo", {
            "principalId": identifier, "resourceId": "{my_principal_id}", "appRoleId": "{my_app_role}",
        })
        yield graph("POST", "/users/{my_user_id}/appRoleAssignments", {
            "principalId": "{my_user_id}", "resourceId": identifier, "appRoleId": "{app_role}",
        })
    scope = {"consentType": "AllPrincipals", "scope": "User.Read"}
    for client, resource in (("{principal_id}", "{my_principal_id}"), ("{my_principal_id}", "{principal_id}")):
        yield graph("POST", "/oauth2PermissionGrants", {**scope, "clientId": client, "resourceId": resource})
    someone = {**scope, "consentType": "Principal", "principalId": "{user_id}"}
    yield graph("POST", "/oauth2PermissionGrants", {
        **someone, "clientId": "{my_principal_id}", "resourceId": "{my_graph_id}",
    })
    for method in ("GET", "PATCH", "DELETE"):
        yield graph(method, "/oauth2PermissionGrants/{grant}", {"scope": "User.Read.All"} if method == "PATCH" else None)
    for method in ("GET", "DELETE"):
        yield graph(method, "/roleManagement/directory/roleAssignments/{directory_role_assignment}")
        yield graph(method, "/servicePrincipals/{my_principal_id}/appRoleAssignedTo/{app_role_assignment}")
    yield graph("POST", "/servicePrincipals", {"appId": "{app_id}"})
    yield graph("POST", "/servicePrincipals", {"appId": "{automation_client}"})
    user = {"accountEnabled": True, "displayName": "Intruder", "mailNickname": "intruder",
            "passwordProfile": {"password": "Correct-Horse-Battery-9"}}
    yield graph("POST", "/users", {**user, "userPrincipalName": "intruder@{tenant_domain}"})
    yield graph("POST", "/users", {**user, "userPrincipalName": "{user_name}@{tenant_domain}"})
    yield graph("PATCH", "/users/{my_user_id}", {"userPrincipalName": "intruder@{tenant_domain}"})
    # A client id is a name of nobody else's.
    for client, told in (("{app_id}", REFUSED), ("{my_app_id}", OWN)):
        uris = {"identifierUris": [f"api://{client}"]}
        yield graph("PATCH", "/applications/{my_application_id}", uris, expect=told, bearer="application")
    # Names are free in each tenant.
    for title in ("{people_title}", "{my_people_title}"):
        yield graph("PATCH", "/groups/{my_people}", {"displayName": title}, expect=OWN, bearer="application")


# The authority

MINE = "{my_tenant}"


def sign_in(tenant, form, path="oauth2/v2.0/token", **more):
    """A form at a tenant's endpoint."""
    return Attempt("authority", "POST", f"/{tenant}/{path}", form, bearer="none", **more)


def sign_ins():
    """The other tenant's identities at the own endpoints, and the own at the other's."""
    grant = {"grant_type": "client_credentials", "scope": "{origin}/.default"}
    for client, secret in (
        ("{app_id}", "{secret}"), ("{app_id}", "{my_secret}"), ("{automation_client}", "{automation_secret}"),
        ("{app_id}", "wrong"),
    ):
        yield sign_in(MINE, {**grant, "client_id": client, "client_secret": secret})
        yield sign_in("{my_tenant_domain}", {**grant, "client_id": client, "client_secret": secret})
        yield sign_in(MINE, {
            "grant_type": "client_credentials", "resource": "{origin}", "client_id": client, "client_secret": secret,
        }, "oauth2/token")
        for everybodys in ("common", "organizations"):
            yield sign_in(everybodys, {**grant, "client_id": client, "client_secret": secret})
    for tenant in ("{known_tenant}", "{known_domain}"):
        yield sign_in(tenant, {**grant, "client_id": "{intruder_client}", "client_secret": "{intruder_secret}"})
        yield sign_in(tenant, {
            "grant_type": "password", "client_id": AZURE_CLI, "scope": "{origin}/.default",
            "username": "{intruder_name}@{my_tenant_domain}", "password": "{intruder_password}",
        })
        yield sign_in(tenant, {
            "grant_type": "password", "client_id": AZURE_CLI, "scope": "{origin}/.default",
            "username": "{user_name}@{known_domain}", "password": "wrong",
        })
    own = {"client_id": "{my_client}", "client_secret": "{my_secret_of_automation}"}
    for audience in ("api://{app_id}/.default", "{app_id}/.default"):
        yield sign_in(MINE, {**own, "grant_type": "client_credentials", "scope": audience})
    yield sign_in(MINE, {
        "grant_type": "password", "client_id": AZURE_CLI, "scope": "{origin}/.default",
        "username": "admin@{tenant_domain}", "password": "{admin_password}",
    })
    yield sign_in(MINE, {"client_id": "{app_id}", "scope": "{origin}/.default"}, "oauth2/v2.0/devicecode")
    shown = {"response_type": "code", "redirect_uri": "https://i.example", "scope": "openid", "client_id": "{app_id}"}
    asked = "&".join(f"{name}={quote(value, safe='{}')}" for name, value in shown.items())
    yield Attempt("authority", "GET", f"/{MINE}/oauth2/v2.0/authorize?{asked}", bearer="none", expect=NOTHING)
    yield Attempt("authority", "GET", f"/{MINE}/adminconsent?client_id={{app_id}}", bearer="none", expect=NOTHING)
    yield Attempt(
        "authority", "GET", "/common/userrealm/{user_name}@{known_domain}?api-version=1.0", bearer="none", expect=NOTHING
    )


def grants_of(victim):
    """What only the other tenant can have been given; nothing of the like exists without being told to somebody."""
    arm = victim.azure.arm
    reply = victim.user_reply(arm)
    own = {"client_id": "{my_client}", "client_secret": "{my_secret_of_automation}"}
    for client in ({"client_id": AZURE_CLI}, own):
        yield sign_in(MINE, {
            **client, "grant_type": "refresh_token", "refresh_token": reply["refresh_token"], "scope": "{origin}/.default",
        })
    for token in (reply["access_token"], victim.application_token(arm)):
        yield sign_in(MINE, {
            **own, "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": token,
            "requested_token_use": "on_behalf_of", "scope": "{origin}/.default",
        })
        yield sign_in(MINE, {
            "client_id": "{my_client}", "grant_type": "client_credentials", "scope": "{origin}/.default",
            "client_assertion": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        })


# SMTP: what is signed in with, and what is sent as

SIGN_INS = [
    ("PLAIN", "{username}", "{my_secret}"),
    ("LOGIN", "{username}", "{my_secret}"),
    ("PLAIN", "{service}.{my_app_id}.{my_tenant}", "{my_secret}"),
    ("PLAIN", "{service}|{my_app_id}|{my_tenant}", "{my_secret}"),
    ("PLAIN", "{service}.{my_app_id}.{tenant}", "{my_secret}"),
    ("PLAIN", "{service}.{app_id}.{my_tenant}", "{my_secret}"),
    ("PLAIN", "{service}.{app_id}.{tenant}", "{my_secret}"),
    ("LOGIN", "{service}|{app_id}|{tenant}", "{my_secret}"),
    ("PLAIN", "{my_service}.{app_id}.{tenant}", "{secret}"),
    ("PLAIN", "{my_service}|{app_id}|{tenant}", "{secret}"),
    ("PLAIN", "{my_service}.{app_id}.{my_tenant}", "{secret}"),
    ("PLAIN", "{my_service}.{my_app_id}.{tenant}", "{my_secret}"),
    ("PLAIN", "{my_username}", "{secret}"),
    ("XOAUTH2", "{username}", None),
    ("OAUTHBEARER", "{username}", None),
    ("XOAUTH2", "{service}.{my_app_id}.{my_tenant}", None),
    ("OAUTHBEARER", "{service}|{app_id}|{tenant}", None),
    ("XOAUTH2", "{my_service}.{app_id}.{my_tenant}", None),
]
SENDERS = ["donotreply@{mail_domain}", "{sender_username}@{mail_domain}", "donotreply@{customer_domain}"]
