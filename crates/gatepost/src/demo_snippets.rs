//! The commands that the demo prints: each sends another message. All of it is valid shell, so that a person
//! can paste it whole.

use crate::bootstrap::Bootstrap;
use crate::demo::Made;

/// The text of all of them.
pub(crate) fn all(bootstrap: &Bootstrap, made: &Made) -> String {
    let (host, port) = bootstrap.endpoints.smtp.rsplit_once(':').unwrap_or(("localhost", "2587"));
    let fill = |template: &str| {
        template
            .replace("{host}", host)
            .replace("{port}", port)
            .replace("{ca}", &bootstrap.ca_file)
            .replace("{username}", &made.username)
            .replace("{secret}", &made.secret)
            .replace("{sender}", &made.sender)
    };
    format!("\nSend another one:\n\n{}\n{}\n{}\n", fill(SWAKS), fill(CURL), fill(PYTHON))
}

const SWAKS: &str = r#"# with swaks
swaks --server {host} --port {port} --tls --tls-verify --tls-ca-path '{ca}' \
  --auth LOGIN --auth-user '{username}' --auth-password '{secret}' \
  --from '{sender}' --to you@example.com --header 'Subject: Hello from swaks'
"#;

const CURL: &str = r#"# with curl
curl --silent --show-error --url smtp://{host}:{port} --ssl-reqd --cacert '{ca}' \
  --user '{username}:{secret}' --mail-from '{sender}' --mail-rcpt you@example.com \
  --crlf --upload-file - <<'EOF'
From: {sender}
To: you@example.com
Subject: Hello from curl

Sent with curl.
EOF
"#;

const PYTHON: &str = r#"# with Python
python3 - <<'EOF'
import smtplib, ssl
from email.message import EmailMessage

message = EmailMessage()
message["From"] = "{sender}"
message["To"] = "you@example.com"
message["Subject"] = "Hello from Python"
message.set_content("Sent with smtplib.")

with smtplib.SMTP("{host}", {port}) as smtp:
    smtp.starttls(context=ssl.create_default_context(cafile="{ca}"))
    smtp.login("{username}", "{secret}")
    smtp.send_message(message)
EOF
"#;
