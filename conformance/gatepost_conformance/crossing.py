"""What one tenant may try against another: every question that names something of the other tenant.

An attempt is a template: `{group}` stands for a name of the other tenant's, `{my_group}` for one of the intruder's own,
`{known_tenant}` for what anybody may know of the other tenant. It is asked once with the names that the other tenant
has, and once with names that nothing has.
"""

from dataclasses import dataclass, field

from gatepost_conformance.tenancy import AUTHORIZATION, MANAGEMENT_GROUPS, OWNER, READER, lately

REFUSED = "refused"
"""The answer is an error."""
NOTHING = "nothing"
"""The answer may be a success: that of a search which finds nothing."""
OWN = "own"
"""The answer may be a success: the intruder gets something of its own under the same name."""

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
COMMUNICATION = f"{GROUP}/providers/Microsoft.Communication"
EMAIL = f"{COMMUNICATION}/emailServices/{{email_service}}"
DOMAIN = f"{EMAIL}/domains/AzureManagedDomain"
SERVICE = f"{COMMUNICATION}/communicationServices/{{service}}"
ROLE = f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{{role}}"

MY_SUBSCRIPTION = "/subscriptions/{my_subscription}"
MY_GROUP = f"{MY_SUBSCRIPTION}/resourceGroups/{{my_group}}"
MY_COMMUNICATION = f"{MY_GROUP}/providers/Microsoft.Communication"
MY_SERVICE = f"{MY_COMMUNICATION}/communicationServices/{{my_service}}"
MY_ROLE = f"{MY_SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{{my_role}}"

FRESH = "0d1c2b3a-4f5e-4677-8899-aabbccddeeff"


@dataclass(frozen=True)
class Attempt:
    """One request, its names not yet filled in."""

    edge: str
    method: str
    path: str
    body: object = None
    headers: dict = field(default_factory=dict)
    expect: str = REFUSED
    bearer: str = "both"
    """Whose token goes along: `application`, `user`, `both` one after the other, or a template of a token."""

    def __str__(self):
        said = f" {self.body}" if self.body is not None else ""
        return f"{self.edge}: {self.method} {self.path}{said}{f' {self.headers}' if self.headers else ''}"


def arm(method, path, body=None, **more):
    """At the resource manager."""
    return Attempt("resourceManager", method, path, body, **more)


def graph(method, path, body=None, **more):
    """At Microsoft Graph."""
    return Attempt("graph", method, path, body, **more)


def properties(**properties):
    """The body of most resources."""
    return {"properties": properties}


# The resource manager

MANAGEMENT_GROUP = f"{MANAGEMENT_GROUPS}/{{management_group}}"
RESOURCES = {
    GROUP: {"location": "westeurope"},
    EMAIL: {"location": "global", **properties(dataLocation="Europe")},
    DOMAIN: {"location": "global", **properties(domainManagement="AzureManaged")},
    f"{EMAIL}/domains/{{customer_domain}}": {"location": "global", **properties(domainManagement="CustomerManaged")},
    f"{DOMAIN}/senderUsernames/{{sender_username}}": properties(username="{sender_username}"),
    f"{DOMAIN}/suppressionLists/{{suppression_list}}": properties(listName="{sender_username}"),
    SERVICE: {"location": "global", **properties(dataLocation="Europe")},
    f"{SERVICE}/smtpUsernames/{{username_resource}}": properties(
        username="{username}", entraApplicationId="{my_app_id}", tenantId="{my_tenant}"
    ),
}
SCOPES = [SUBSCRIPTION, *RESOURCES, MANAGEMENT_GROUP, f"{MANAGEMENT_GROUPS}/{{tenant}}"]


def assignment(role=READER, principal="{my_principal_id}", kind="ServicePrincipal"):
    """A role assignment's body."""
    role = role if "/" in role else f"{AUTHORIZATION}/roleDefinitions/{role}"
    return properties(roleDefinitionId=role, principalId=principal, principalType=kind)


def definition(*scopes):
    """A custom role's body."""
    return properties(
        roleName="Intruder",
        type="CustomRole",
        permissions=[{"actions": ["*/read"], "notActions": []}],
        assignableScopes=list(scopes),
    )


def deny(principal):
    """A deny assignment's body."""
    return properties(
        denyAssignmentName="Intruder",
        permissions=[{"actions": ["*/delete"]}],
        principals=[{"id": principal, "type": "User"}],
        excludePrincipals=[],
        isSystemProtected=False,
    )


def resources():
    """Everything that has an id of its own."""
    for path, body in RESOURCES.items():
        yield arm("GET", path)
        yield arm("PUT", path, body)
        yield arm("PATCH", path, {"tags": {"intruder": "yes"}})
        yield arm("DELETE", path)
        if path != GROUP:
            yield arm("GET", path.rsplit("/", 1)[0])
    for path in ("", "/resources", "/resourceGroups", "/locations", "/providers", "/providers/Microsoft.Communication"):
        yield arm("GET", SUBSCRIPTION + path)
    yield arm("GET", f"{GROUP}/resources")
    yield arm("HEAD", GROUP)
    yield arm("POST", f"{SUBSCRIPTION}/providers/Microsoft.Communication/register")
    yield arm("GET", f"{SUBSCRIPTION}/providers/Microsoft.Communication/emailServices")
    yield arm("GET", f"{SUBSCRIPTION}/providers/Microsoft.Communication/communicationServices")
    name = {"name": "{my_service}", "type": "Microsoft.Communication/CommunicationServices"}
    yield arm("POST", f"{SUBSCRIPTION}/providers/Microsoft.Communication/checkNameAvailability", name)
    yield arm("POST", f"{SERVICE}/listKeys")
    yield arm("POST", f"{SERVICE}/regenerateKey", {"keyType": "Primary"})
    for action in ("initiateVerification", "cancelVerification"):
        yield arm("POST", f"{EMAIL}/domains/{{customer_domain}}/{action}", {"verificationType": "Domain"})
    for subscription in ("{subscription}", "{my_subscription}"):
        for kind in ("operationStatuses", "operationResults"):
            place = f"/subscriptions/{subscription}/providers/Microsoft.Communication/locations/global"
            yield arm("GET", f"{place}/{kind}/{{operation}}")
        yield arm("GET", f"/subscriptions/{subscription}/operationresults/{{operation}}")


def extensions():
    """What goes with any scope."""
    for scope in SCOPES:
        for kind in ("roleAssignments", "roleDefinitions", "denyAssignments", "locks", "permissions"):
            yield arm("GET", f"{scope}{AUTHORIZATION}/{kind}")
        yield arm("PUT", f"{scope}{AUTHORIZATION}/roleAssignments/{FRESH}", assignment(OWNER))
        yield arm("PUT", f"{scope}{AUTHORIZATION}/locks/intruder", properties(level="ReadOnly"))
        # A management group's name is each tenant's own: what nobody has may be asked about, or be made.
        told = NOTHING if scope.startswith(MANAGEMENT_GROUPS) else REFUSED
        asked = {"action": "Microsoft.Support/supportTickets/read"}
        yield arm("POST", f"{scope}/providers/Gatepost.Access/whoCan", asked, expect=told)
        asked = {"principalId": "{principal_id}", "action": "Microsoft.Communication/communicationServices/write"}
        yield arm("POST", f"{scope}/providers/Gatepost.Access/explain", asked, expect=told)
        yield arm("GET", f"{scope}/providers/Gatepost.Mail/messages")
    named = {
        f"{SERVICE}{AUTHORIZATION}/roleAssignments/{{assignment}}": assignment(),
        ROLE: definition(MY_SUBSCRIPTION),
        f"{GROUP}{AUTHORIZATION}/denyAssignments/{{deny}}": deny("{my_user_id}"),
        f"{EMAIL}{AUTHORIZATION}/locks/{{lock}}": properties(level="ReadOnly"),
    }
    for path, body in named.items():
        yield arm("GET", path)
        yield arm("PUT", path, body)
        yield arm("DELETE", path)
    yield arm("GET", f"{SUBSCRIPTION}{AUTHORIZATION}/classicAdministrators")
    values = f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?$filter="
    yield arm("GET", values + lately())
    yield arm("GET", f"{values}{lately()} and correlationId eq '{{correlation}}'")
    mail = f"{SERVICE}/providers/Gatepost.Mail/messages/{{message}}"
    yield arm("GET", mail)
    for action in ("retry", "hold", "release", "drop"):
        yield arm("POST", f"{mail}/{action}")


def management_groups():
    """The other tenant's tree."""
    asked = {"name": "{management_group}", "type": "Microsoft.Management/managementGroups"}
    yield arm("POST", "/providers/Microsoft.Management/checkNameAvailability", asked, expect=NOTHING)
    yield arm("POST", "/providers/Microsoft.Management/getEntities", expect=NOTHING)
    for name in ("{management_group}", "{tenant}"):
        path = f"{MANAGEMENT_GROUPS}/{name}"
        yield arm("GET", path)
        yield arm("GET", f"{path}?$expand=children&$recurse=true")
        yield arm("PATCH", path, {"displayName": "Intruder"})
        yield arm("DELETE", path, expect=NOTHING)
        yield arm("GET", f"{path}/descendants")
        yield arm("GET", f"{path}/subscriptions")
        yield arm("PUT", f"{path}/subscriptions/{{subscription}}")
        yield arm("PUT", f"{path}/subscriptions/{{my_subscription}}")
        below = properties(displayName="Intruder", details={"parent": {"id": path}})
        yield arm("PUT", f"{MANAGEMENT_GROUPS}/intruder", below)
    for name in ("{my_management_group}", "{my_tenant}"):
        for method in ("GET", "PUT"):
            yield arm(method, f"{MANAGEMENT_GROUPS}/{name}/subscriptions/{{subscription}}")
        # What is not there is gone already.
        yield arm("DELETE", f"{MANAGEMENT_GROUPS}/{name}/subscriptions/{{subscription}}", expect=NOTHING)


def at_home():
    """The other tenant's names in what an intruder does in the own tenant, where it may do everything."""
    principals = [
        ("{principal_id}", "ServicePrincipal"), ("{automation_id}", "ServicePrincipal"), ("{user_id}", "User"),
        ("{admin_id}", "User"), ("{people}", "Group"), ("{deleted_id}", "User"),
    ]
    home = MY_SUBSCRIPTION + AUTHORIZATION
    access = f"{MY_SUBSCRIPTION}/providers/Gatepost.Access"
    read = "Microsoft.Resources/subscriptions/resourceGroups/read"
    for principal, kind in principals:
        yield arm("PUT", f"{home}/roleAssignments/{FRESH}", assignment(READER, principal, kind))
        yield arm("POST", f"{home}/roleAssignments/{FRESH}/validate", assignment(READER, principal, kind), expect=NOTHING)
        yield arm("PUT", f"{MY_GROUP}{AUTHORIZATION}/denyAssignments/{FRESH}", deny(principal))
        for question in (f"principalId eq '{principal}'", f"assignedTo('{principal}')"):
            yield arm("GET", f"{home}/roleAssignments?$filter={question}", expect=NOTHING)
        yield arm("POST", f"{access}/explain", {"principalId": principal, "action": read}, expect=NOTHING)
        change = {"change": "putRoleAssignment", "principalId": principal, "roleDefinitionId": "Reader"}
        yield arm("POST", f"{access}/whatIf", change, expect=NOTHING)
        member = {"change": "addGroupMember", "groupId": "{my_people}", "memberId": principal}
        yield arm("POST", f"{access}/whatIf", member, expect=NOTHING)
    for change in (
        {"change": "deleteRoleAssignment", "roleAssignmentId": "{assignment}"},
        {"change": "deleteRoleDefinition", "roleDefinitionId": "{role}"},
        {"change": "deleteRoleDefinition", "roleDefinitionId": "{role_title}"},
        {"change": "deleteDenyAssignment", "denyAssignmentId": "{deny}"},
    ):
        yield arm("POST", f"{access}/whatIf", change)
    joined = {"change": "addGroupMember", "groupId": "{people}", "memberId": "{my_user_id}"}
    yield arm("POST", f"{access}/whatIf", joined, expect=NOTHING)
    yield arm("POST", f"{access}/diff", {"first": "{role}", "second": "Reader"})
    yield arm("POST", f"{access}/diff", {"first": "Reader", "second": "{role_title}"})
    yield arm("POST", f"{access}/explain", {"correlationId": "{correlation}"})
    yield arm("POST", "/providers/Gatepost.Access/explain", {"correlationId": "{correlation}"})
    for role in (ROLE, f"{home}/roleDefinitions/{{role}}", f"{AUTHORIZATION}/roleDefinitions/{{role}}"):
        yield arm("PUT", f"{home}/roleAssignments/{FRESH}", assignment(role))
    for place in (home, AUTHORIZATION):
        for kind in ("roleDefinitions/{role}", "roleAssignments/{assignment}", "denyAssignments/{deny}"):
            yield arm("GET", f"{place}/{kind}")
            yield arm("DELETE", f"{place}/{kind}", expect=NOTHING)
        yield arm("GET", f"{place}/roleDefinitions?$filter=roleName eq '{{role_title}}'", expect=NOTHING)
        yield arm("GET", f"{place}/locks/{{lock}}")
        yield arm("DELETE", f"{place}/locks/{{lock}}", expect=NOTHING)
    for scope in SCOPES:
        for scopes in ([scope], [MY_SUBSCRIPTION, scope]):
            if scope != MANAGEMENT_GROUP:
                yield arm("PUT", f"{home}/roleDefinitions/{FRESH}", definition(*scopes))
                continue
            # The name may be that of a group to come.
            yield arm("PUT", f"{home}/roleDefinitions/{FRESH}", definition(*scopes), expect=OWN, bearer="application")
            yield arm("DELETE", f"{home}/roleDefinitions/{FRESH}", expect=OWN, bearer="application")
    service = {"location": "global", **properties(dataLocation="Europe", linkedDomains=[DOMAIN])}
    yield arm("PUT", MY_SERVICE, service)
    yield arm("PATCH", MY_SERVICE, properties(linkedDomains=[DOMAIN]))
    yield arm("PATCH", MY_SERVICE, properties(linkedDomains=["{my_domain_id}", DOMAIN]))
    for application in ("{app_id}", "{my_app_id}"):
        body = properties(username="{my_username}x", entraApplicationId=application, tenantId="{tenant}")
        yield arm("PUT", f"{MY_SERVICE}/smtpUsernames/intruder", body)
    # An application that is not in the tenant may be named; nobody can sign in with it.
    body = properties(username="{my_username}x", entraApplicationId="{app_id}", tenantId="{my_tenant}")
    yield arm("PUT", f"{MY_SERVICE}/smtpUsernames/intruder", body, expect=OWN, bearer="application")
    yield arm("DELETE", f"{MY_SERVICE}/smtpUsernames/intruder", expect=OWN, bearer="application")
    for place in ("", MY_SUBSCRIPTION, MY_SERVICE):
        mail = f"{place}/providers/Gatepost.Mail/messages/{{message}}"
        yield arm("GET", mail)
        for action in ("retry", "hold", "release", "drop"):
            yield arm("POST", f"{mail}/{action}")
    values = f"{MY_SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?$filter={lately()} and "
    yield arm("GET", f"{values}correlationId eq '{{correlation}}'", expect=NOTHING)
    yield arm("GET", f"{values}resourceGroupName eq '{{group}}'", expect=NOTHING)
    yield arm("GET", f"{values}resourceUri eq '{SERVICE}'", expect=NOTHING)


def under_the_same_name():
    """The other tenant's names for something of the intruder's own: they are free."""
    home = MY_SUBSCRIPTION + AUTHORIZATION
    open_group = f"{MY_SUBSCRIPTION}/resourceGroups/{{my_open_group}}"
    for path, body in (
        (f"{MY_SUBSCRIPTION}/resourceGroups/{{group}}", {"location": "westeurope"}),
        (f"{MY_SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{{role}}", definition(MY_SUBSCRIPTION)),
        (f"{open_group}{AUTHORIZATION}/roleAssignments/{{assignment}}", assignment()),
        (f"{open_group}{AUTHORIZATION}/denyAssignments/{{deny}}", deny("{my_user_id}")),
        (f"{open_group}{AUTHORIZATION}/locks/{{lock}}", properties(level="CanNotDelete")),
        (f"{MANAGEMENT_GROUPS}/{{management_group}}", properties(displayName="Mine")),
        (f"{MANAGEMENT_GROUPS}/{{tenant}}", properties(displayName="Mine")),
    ):
        yield arm("PUT", path, body, expect=OWN, bearer="application")
        yield arm("DELETE", path, expect=OWN, bearer="application")
    service = f"{open_group}/providers/Microsoft.Communication/emailServices/{{email_service}}"
    domain = f"{service}/domains/{{customer_domain}}"
    yield arm("PUT", service, RESOURCES[EMAIL], expect=OWN, bearer="application")
    yield arm("PUT", domain, RESOURCES[f"{EMAIL}/domains/{{customer_domain}}"], expect=OWN, bearer="application")
    yield arm("DELETE", domain, expect=OWN, bearer="application")
    yield arm("DELETE", service, expect=OWN, bearer="application")
    title = definition(MY_SUBSCRIPTION)
    title["properties"]["roleName"] = "{role_title}"
    yield arm("PUT", f"{home}/roleDefinitions/{FRESH}", title, expect=OWN, bearer="application")
    yield arm("DELETE", f"{home}/roleDefinitions/{FRESH}", expect=OWN, bearer="application")


def by_another_tenants_name():
    """Headers and parameters that some services of Azure read a tenant from."""
    token = {"x-ms-authorization-auxiliary": "Bearer {my_token}"}
    for headers in (
        {"x-ms-tenant": "{tenant}"}, {"x-ms-tenant-id": "{tenant}"}, {"x-ms-home-tenant-id": "{tenant}"},
        {"x-ms-client-tenant-id": "{tenant}"}, {"x-ms-resource-tenant-id": "{tenant}"}, token,
    ):
        for path in (SUBSCRIPTION, f"{SERVICE}", f"{SUBSCRIPTION}{AUTHORIZATION}/roleAssignments"):
            yield arm("GET", path, headers=headers)
        yield arm("GET", "/subscriptions", headers=headers, expect=NOTHING)
        yield graph("GET", "/users/{user_id}", headers=headers)
        yield graph("GET", "/users", headers=headers, expect=NOTHING)
    for query in ("tenantId={tenant}", "tenant={tenant}", "tid={tenant}"):
        for path in ("/subscriptions", "/tenants", MANAGEMENT_GROUPS, f"{AUTHORIZATION}/roleAssignments"):
            yield arm("GET", f"{path}?{query}", expect=NOTHING)
        yield arm("GET", f"{SUBSCRIPTION}?{query}")
        yield graph("GET", f"/users?{query}", expect=NOTHING)
    for forged in ("{forged_tid}", "{forged_iss}", "{forged_both}", "{unsigned_both}"):
        yield arm("GET", SUBSCRIPTION, bearer=forged)
        yield arm("GET", "/subscriptions", bearer=forged)
        yield graph("GET", "/users", bearer=forged)
