//! Pages as text. Markup is written in the source; everything else goes through [`Html::text`], which escapes it:
//! [`Html::raw`] takes only what is known at compile time.

/// A piece of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    pub(crate) fn new() -> Html {
        Html::default()
    }

    /// Markup.
    pub(crate) fn raw(mut self, markup: &'static str) -> Html {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or inside a quoted attribute.
    pub(crate) fn text(mut self, text: &str) -> Html {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Control characters have no place in HTML, and some confuse readers of logs and sources.
                control if control.is_control() && control != '\n' => {}
                other => self.0.push(other),
            }
        }
        self
    }

    /// Another piece.
    pub(crate) fn with(mut self, other: Html) -> Html {
        self.0.push_str(&other.0);
        self
    }

    /// Another piece, if there is one.
    pub(crate) fn maybe(self, other: Option<Html>) -> Html {
        match other {
            Some(other) => self.with(other),
            None => self,
        }
    }

    /// One piece for each.
    pub(crate) fn each<T>(self, items: impl IntoIterator<Item = T>, piece: impl Fn(T) -> Html) -> Html {
        items.into_iter().fold(self, |html, item| html.with(piece(item)))
    }

    /// A hidden field of a form.
    pub(crate) fn hidden(self, name: &str, value: &str) -> Html {
        self.raw("<input type=\"hidden\" name=\"").text(name).raw("\" value=\"").text(value).raw("\">\n")
    }

    fn into_text(self) -> String {
        self.0
    }
}

/// A whole page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) title: &'static str,
    pub(crate) body: Html,
    /// A script of ours that the page needs.
    pub(crate) script: Option<&'static str>,
    /// Where its forms may lead beside this origin: the origin of a redirect URI.
    pub(crate) leads_to: Option<String>,
}

impl Page {
    pub(crate) fn new(title: &'static str, body: Html) -> Page {
        Page { title, body, script: None, leads_to: None }
    }

    pub(crate) fn leading_to(mut self, uri: Option<&str>) -> Page {
        self.leads_to = uri.and_then(form_target);
        self
    }

    pub(crate) fn into_html(self) -> String {
        let script = match self.script {
            Some(path) => Html::new().raw("<script defer src=\"").text(path).raw("\"></script>\n"),
            None => Html::new(),
        };
        Html::new()
            .raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .raw("<meta name=\"robots\" content=\"noindex\">\n<title>")
            .text(self.title)
            .raw(" - Gatepost</title>\n<link rel=\"stylesheet\" href=\"/assets/gatepost.css\">\n")
            .with(script)
            .raw("</head>\n<body>\n<main>\n<p class=\"brand\">Gatepost</p>\n")
            .with(self.body)
            .raw("</main>\n</body>\n</html>\n")
            .into_text()
    }

    /// The page's Content-Security-Policy: nothing from elsewhere, no script in the page itself, no frame around
    /// it, and its forms lead here or to the redirect URI.
    pub(crate) fn policy(&self) -> String {
        let script = if self.script.is_some() { " script-src 'self'; connect-src 'self';" } else { "" };
        let leads_to = self.leads_to.as_deref().map(|origin| format!(" {origin}")).unwrap_or_default();
        format!(
            "default-src 'none'; style-src 'self';{script} base-uri 'none'; form-action 'self'{leads_to}; \
             frame-ancestors 'none'"
        )
    }
}

/// What a Content-Security-Policy calls the place of a URI: its origin, or its scheme where it has none.
fn form_target(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = |text: &str, more: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b))
    };
    if !plain(scheme, "+-.") {
        return None;
    }
    if scheme != "https" && scheme != "http" {
        return Some(format!("{scheme}:"));
    }
    let host = rest.strip_prefix("//")?.split(['/', '?']).next()?;
    plain(host, ".-:[]_").then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_from_outside_is_escaped() {
        let html = Html::new().text("<script>\"'&\u{0}\r</script>").into_text();
        assert_eq!(html, "&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;");
        let html = Html::new().hidden("a\"b", "x\" onfocus=\"y").into_text();
        assert_eq!(html.matches('"').count(), 6, "{html}");
    }

    #[test]
    fn a_policy_names_the_redirect_alone() {
        let policy = |uri| Page::new("x", Html::new()).leading_to(Some(uri)).policy();
        assert!(policy("https://app.example:8/cb?x").contains("form-action 'self' https://app.example:8; "));
        assert!(policy("http://localhost:1234").contains("form-action 'self' http://localhost:1234; "));
        assert!(policy("msal1://auth").contains("form-action 'self' msal1:; "));
        for bad in ["https://a b/", "https://a;script-src *", "x y:z", "nothing"] {
            assert!(policy(bad).contains("form-action 'self'; "), "{bad}");
        }
        assert!(!policy("https://a").contains("script-src"));
    }
}
