//! EHLO and what it announces.

use super::sasl::Mechanism;
use super::session::{Session, Step};
use crate::reply::Reply;

impl Session {
    /// EHLO. Ends a transaction like RSET (RFC 5321 section 4.1.4).
    pub(super) fn on_ehlo(&mut self, name: &str) -> Option<Step> {
        self.greet(name, true);
        let mut lines = vec![self.host.to_string()];
        lines.extend(
            ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"].map(String::from),
        );
        lines.push(format!("SIZE {}", self.limits.message_size));
        if self.tls {
            let mechanisms: Vec<&str> = Mechanism::ALL.into_iter().map(Mechanism::name).collect();
            lines.push(format!("AUTH {}", mechanisms.join(" ")));
        } else {
            // SECURITY: no AUTH in plain text, so that no client sends its secret there.
            lines.push("STARTTLS".to_owned());
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            self.output.extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
        }
        None
    }

    /// HELO. Announces nothing, so the client cannot authenticate and therefore not send.
    pub(super) fn on_helo(&mut self, name: &str) -> Option<Step> {
        self.greet(name, false);
        Reply::with_text(250, None, self.host.to_string()).write(&mut self.output);
        None
    }

    fn greet(&mut self, name: &str, extended: bool) {
        self.client_name = Some(name.to_owned());
        self.extended = extended;
        self.transaction = None;
    }
}
