"""A person's browser, without scripts: it knows pages, forms and cookies."""

import secrets
import uuid
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

PASSWORD = "Correct-Horse-Battery-9"


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.found.append((attributes.get("action", ""), {}))
        elif tag == "input" and self.found and attributes.get("type") != "checkbox":
            self.found[-1][1][attributes["name"]] = attributes.get("value", "")


class Browser:
    """One browser with cookies of its own. It never follows a redirect by itself."""

    def __init__(self, ca_file):
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = ca_file
        self.page = None

    def forms(self):
        """The forms of the page: where each goes, and its fields."""
        forms = Forms()
        forms.feed(self.page.text)
        return forms.found

    def get(self, url):
        """Goes to an address."""
        self.page = self.session.get(url, allow_redirects=False, timeout=30)
        return self.page

    def submit(self, step, **fields):
        """Fills in the page's form for this step and sends it."""
        for action, known in self.forms():
            if step is None or known.get("step") == step:
                url = urljoin(self.page.url, action)
                self.page = self.session.post(url, data={**known, **fields}, allow_redirects=False, timeout=30)
                return self.page
        raise AssertionError(f"no form for {step}: {self.page.status_code} {self.page.text}")

    def sign_in(self, login, password):
        """User name and password, and whatever the user is asked then."""
        self.submit("password", username=login, password=password)
        if "Permissions requested" in self.page.text:
            self.submit("consent")
        return self.page

    def enter_code(self, page, code, login, password):
        """Signs in on a device that shows this code."""
        self.get(page)
        self.submit("code", user_code=code)
        self.get(urljoin(self.page.url, self.page.headers["location"]))
        self.sign_in(login, password)
        self.submit("device")
        assert "You are signed in" in self.page.text, self.page.text

    def post_answer(self):
        """Sends the answer on to the application, as the page's button does."""
        return self.submit(None)


class Person:
    """A user of the directory who may use the subscription."""

    def __init__(self, azure, role="Owner"):
        domain = azure.graph_call("GET", "/organization", 200)["value"][0]["verifiedDomains"][0]["name"]
        name = f"person{secrets.token_hex(4)}"
        self.login, self.password = f"{name}@{domain}", PASSWORD
        made = azure.graph_call(
            "POST",
            "/users",
            201,
            {
                "accountEnabled": True,
                "displayName": name.title(),
                "mailNickname": name,
                "userPrincipalName": self.login,
                "passwordProfile": {"password": PASSWORD, "forceChangePasswordNextSignIn": False},
            },
        )
        self.object_id = made["id"]
        if role:
            scope = azure.subscription_scope
            found = list(azure.authorization.role_definitions.list(scope, filter=f"roleName eq '{role}'"))
            azure.authorization.role_assignments.create(
                scope,
                str(uuid.uuid4()),
                {
                    "properties": {
                        "roleDefinitionId": found[0].id,
                        "principalId": self.object_id,
                        "principalType": "User",
                    }
                },
            )
