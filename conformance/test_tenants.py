"""Two tenants on one server: whatever one of them tries against the other is refused, and the refusal is the one that
something would get which does not exist."""

import json
import re
import uuid

import pytest

from gatepost_conformance import crossing, crossing_directory
from gatepost_conformance.intruder import Intruder
from gatepost_conformance.server import Server
from gatepost_conformance.tenancy import AUTHORIZATION, MANAGEMENT_GROUPS, Tenant

OTHER = "fabrikam.example"
FAMILIES = {
    "resources": crossing.resources,
    "extensions": crossing.extensions,
    "management groups": crossing.management_groups,
    "at home": crossing.at_home,
    "the same name": crossing.under_the_same_name,
    "tenant headers": crossing.by_another_tenants_name,
    "objects": crossing_directory.objects,
    "searches": crossing_directory.searches,
    "links": crossing_directory.links,
    "sign-ins": crossing_directory.sign_ins,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with two tenants."""
    server = Server(tmp_path_factory.mktemp("tenants") / "data", "--tenant", OTHER)
    server.start()
    yield server
    server.stop_and_check()


@pytest.fixture(scope="module")
def tenants(shared):
    """Both, each with one of everything, and with administrators who have taken all that they can."""
    first, second = (Tenant(shared, known).fill() for known in ({}, shared.bootstrap["tenants"][0]))
    for tenant in (first, second):
        tenant.rule_everything()
    return {"first": first, "second": second}


@pytest.fixture(params=["first", "second"])
def intruder(request, tenants):
    """Each tenant against the other."""
    victim = "second" if request.param == "first" else "first"
    return Intruder(tenants[request.param], tenants[victim])


def report(intruder, least):
    """Fails with everything that was found."""
    found = intruder.findings
    assert intruder.tried >= least, f"only {intruder.tried} attempts"
    shown = "\n".join(map(str, found[:40]))
    assert not found, f"{len(found)} of {intruder.tried} attempts told or did something:\n{shown}"


def inventory(tenant):
    """All that the tenant can see of what it has, to be compared before and after."""
    scope = tenant.azure.subscription_scope
    seen = {}
    for path in (
        "/subscriptions", "/tenants", f"{scope}/resourceGroups", f"{scope}/resources", MANAGEMENT_GROUPS,
        f"{MANAGEMENT_GROUPS}/{tenant.names['management_group']}", f"{tenant.sender.service_id}/smtpUsernames",
        f"{tenant.sender.domain_id}/senderUsernames", f"{tenant.sender.domain_id}/suppressionLists",
        *(f"{scope}{AUTHORIZATION}/{kind}" for kind in ("roleAssignments", "roleDefinitions", "denyAssignments", "locks")),
    ):
        seen[path] = tenant.arm("GET", path, 200).json()
    for path in (
        "/users", "/groups", "/applications", "/servicePrincipals", "/domains", "/organization",
        "/directory/deletedItems/microsoft.graph.user", f"/groups/{tenant.names['people']}/members",
        f"/servicePrincipals/{tenant.names['principal_id']}/appRoleAssignedTo", "/oauth2PermissionGrants",
        f"/applications/{tenant.names['application_id']}/federatedIdentityCredentials",
    ):
        seen[path] = tenant.graph("GET", path, 200)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_of_another_tenant_is_done_or_told(intruder, family):
    before = inventory(intruder.victim)
    intruder.try_all(FAMILIES[family]())
    assert inventory(intruder.victim) == before
    report(intruder, 10)


def test_what_was_given_to_another_tenant_is_worth_nothing(intruder):
    intruder.refused(crossing_directory.grants_of(intruder.victim))
    report(intruder, 6)


def test_mail_of_another_tenant(intruder):
    for mechanism, username, password in crossing_directory.SIGN_INS:
        intruder.sign_in(mechanism, username, password)
    for sender in crossing_directory.SENDERS:
        intruder.send_as(sender)
        intruder.send_as(sender, header_only=True)
    report(intruder, 20)


def test_the_tenant_itself_finds_what_the_intruder_does_not(tenants):
    """The attempts ask for what is there: to its own tenant the answer is not the one that the intruder gets."""
    owner = Intruder(tenants["first"], tenants["first"])
    asked = [
        attempt
        for family in (crossing.resources, crossing.extensions, crossing_directory.objects)
        for attempt in family()
        if attempt.method == "GET"
    ]
    answers = {str(attempt): owner.send(attempt, "application", owner.theirs).status_code for attempt in asked}
    missed = {attempt: status for attempt, status in answers.items() if status >= 400}
    assert len(asked) > 100 and len(missed) < len(asked) / 10, missed


def test_at_least_two_hundred_attempts_on_each_edge_that_has_many():
    attempts = [attempt for family in FAMILIES.values() for attempt in family()]
    count = {edge: sum(attempt.edge == edge for attempt in attempts) for edge in ("resourceManager", "graph", "authority")}
    assert min(count["resourceManager"], count["graph"]) >= 200, count
    assert count["authority"] >= 20, count
    paths = {re.sub(r"\?.*", "", str(attempt)) for attempt in attempts}
    assert len(paths) > 400


def test_each_lists_only_its_own(tenants):
    for name, other in (("first", "second"), ("second", "first")):
        shown = str(inventory(tenants[name]))
        told = [key for key, value in tenants[other].names.items() if value in shown and key != "tenant_domain"]
        assert told == [], f"{name} is shown {told} of {other}"


def test_a_second_start_makes_no_tenant_anew(tmp_path):
    server = Server(tmp_path / "data", "--tenant", OTHER)
    server.start()
    before = server.bootstrap
    assert server.stop() == 0
    # A start that was killed before its commit leaves a tenant in the file that is nowhere else.
    unmade = {**before["tenants"][0], "tenantId": str(uuid.uuid4()), "tenantDomain": "contoso.example"}
    (server.data / "bootstrap.json").write_text(json.dumps({**before, "tenants": [*before["tenants"], unmade]}))
    server.extra += ["--tenant", "Contoso.Example", "--tenant", OTHER.upper()]
    server.start()
    after = server.bootstrap
    assert after["tenants"][0] == before["tenants"][0] and after["tenantId"] == before["tenantId"]
    assert [other["tenantDomain"] for other in after["tenants"]] == [OTHER, "contoso.example"]
    assert after["tenants"][1]["tenantId"] != unmade["tenantId"]
    assert Tenant(server, after["tenants"][1]).arm("GET", "/subscriptions", 200).json()["value"][0][
        "subscriptionId"
    ] == after["tenants"][1]["subscriptionId"]
    server.stop_and_check()
