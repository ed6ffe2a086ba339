//! Command lines (RFC 5321 section 4.1, RFC 4954, RFC 3030).

use super::path::{self, Path};
use super::replies;
use crate::reply::Reply;

/// A command that is well formed by itself; whether it may come now is the session's business.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// EHLO with the client's name.
    Ehlo(&'a str),
    /// HELO with the client's name.
    Helo(&'a str),
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth { mechanism: &'a str, initial_response: Option<&'a str> },
    /// MAIL.
    Mail(Mail),
    /// RCPT; `ascii` tells whether the whole line was.
    Rcpt { path: Path, ascii: bool },
    /// DATA.
    Data,
    /// BDAT; `None` when the size cannot be read.
    Bdat(Option<ChunkHeader>),
    /// RSET.
    Rset,
    /// NOOP, with whatever arguments.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY.
    Vrfy,
    /// HELP, with whatever arguments.
    Help,
    /// EXPN, ETRN, TURN and others that this server does not have.
    NotImplemented,
}

/// The arguments of MAIL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// The reverse-path.
    pub(super) path: Path,
    /// SIZE (RFC 1870).
    pub(super) size: Option<u64>,
    /// SMTPUTF8 (RFC 6531).
    pub(super) smtputf8: bool,
    /// Whether the whole line was ASCII.
    pub(super) ascii: bool,
}

/// The arguments of BDAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkHeader {
    /// Octets that follow.
    pub(super) size: u64,
    /// Whether the message ends with them.
    pub(super) last: bool,
}

/// Reads a line without its CRLF.
///
/// # Errors
/// The reply to a line that is no command.
pub(super) fn parse(line: &[u8]) -> Result<Command<'_>, Reply> {
    let line = std::str::from_utf8(line).map_err(|_| replies::BAD_CHARACTERS)?;
    if line.bytes().any(|b| b.is_ascii_control()) {
        return Err(replies::BAD_CHARACTERS);
    }
    let line = line.trim_end_matches(' ');
    let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let ascii = line.is_ascii();
    // Only addresses may hold other than ASCII (RFC 6531 section 3.3).
    if !ascii && !is_verb(verb, "MAIL") && !is_verb(verb, "RCPT") && !is_verb(verb, "VRFY") {
        return Err(replies::BAD_CHARACTERS);
    }
    VERBS
        .iter()
        .find(|(name, _)| is_verb(verb, name))
        .map_or(Err(replies::UNKNOWN_COMMAND), |(_, read)| read(arguments, ascii))
}

/// Whether a line is meant to be BDAT, well formed or not.
pub(super) fn is_chunk(line: &[u8]) -> bool {
    line.trim_ascii_start().get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"))
}

fn is_verb(verb: &str, name: &str) -> bool {
    verb.eq_ignore_ascii_case(name)
}

type ReadArguments = for<'a> fn(&'a str, bool) -> Result<Command<'a>, Reply>;

/// The verbs, most frequent first.
const VERBS: [(&str, ReadArguments); 19] = [
    ("RCPT", rcpt),
    ("MAIL", mail),
    ("DATA", |arguments, _| alone(arguments, Command::Data)),
    ("BDAT", |arguments, _| Ok(Command::Bdat(chunk_header(arguments)))),
    ("EHLO", |arguments, _| client_name(arguments).map(Command::Ehlo)),
    ("AUTH", |arguments, _| auth(arguments)),
    ("STARTTLS", |arguments, _| alone(arguments, Command::StartTls)),
    ("RSET", |arguments, _| alone(arguments, Command::Rset)),
    ("QUIT", |arguments, _| alone(arguments, Command::Quit)),
    ("NOOP", |_, _| Ok(Command::Noop)),
    ("HELO", |arguments, _| client_name(arguments).map(Command::Helo)),
    ("VRFY", |arguments, _| some(arguments, Command::Vrfy)),
    ("HELP", |_, _| Ok(Command::Help)),
    ("EXPN", |_, _| Ok(Command::NotImplemented)),
    ("ETRN", |_, _| Ok(Command::NotImplemented)),
    ("TURN", |_, _| Ok(Command::NotImplemented)),
    ("SEND", |_, _| Ok(Command::NotImplemented)),
    ("SOML", |_, _| Ok(Command::NotImplemented)),
    ("SAML", |_, _| Ok(Command::NotImplemented)),
];

fn alone<'a>(arguments: &str, command: Command<'a>) -> Result<Command<'a>, Reply> {
    if arguments.is_empty() { Ok(command) } else { Err(replies::BAD_ARGUMENTS) }
}

fn some<'a>(arguments: &str, command: Command<'a>) -> Result<Command<'a>, Reply> {
    if arguments.is_empty() { Err(replies::BAD_ARGUMENTS) } else { Ok(command) }
}

/// The argument of EHLO and HELO. Any visible ASCII is taken, for clients give what their machine is called;
/// it goes into the Received field, where it is only shown.
fn client_name(arguments: &str) -> Result<&str, Reply> {
    let name = arguments.trim();
    let well_formed = (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    if well_formed { Ok(name) } else { Err(replies::BAD_ARGUMENTS) }
}

fn auth(arguments: &str) -> Result<Command<'_>, Reply> {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial_response, None) => Ok(Command::Auth { mechanism, initial_response }),
        _ => Err(replies::BAD_ARGUMENTS),
    }
}

fn mail(arguments: &str, ascii: bool) -> Result<Command<'_>, Reply> {
    let text = after_keyword(arguments, "FROM:")?;
    let (path, parameters) = path::parse(text).ok_or(replies::BAD_REVERSE_PATH)?;
    let mut mail = Mail { path, size: None, smtputf8: false, ascii };
    let mut seen = Vec::new();
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        let name = name.to_ascii_uppercase();
        match (name.as_str(), value) {
            ("SIZE", Some(value)) => mail.size = Some(number(value).ok_or(replies::BAD_ARGUMENTS)?),
            ("BODY", Some(value))
                if value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME") => {}
            ("SMTPUTF8", None) => mail.smtputf8 = true,
            // RFC 4954 section 5: a server must take it; we do not relay in other names, so it is not kept.
            ("AUTH", Some(value)) if !value.is_empty() => {}
            ("SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _) => return Err(replies::BAD_ARGUMENTS),
            _ => return Err(replies::UNKNOWN_PARAMETER),
        }
        if seen.contains(&name) {
            return Err(replies::BAD_ARGUMENTS);
        }
        seen.push(name);
    }
    Ok(Command::Mail(mail))
}

fn rcpt(arguments: &str, ascii: bool) -> Result<Command<'_>, Reply> {
    let text = after_keyword(arguments, "TO:")?;
    let (path, parameters) = path::parse(text).ok_or(replies::BAD_FORWARD_PATH)?;
    if !parameters.trim().is_empty() {
        return Err(replies::UNKNOWN_PARAMETER);
    }
    Ok(Command::Rcpt { path, ascii })
}

fn after_keyword<'a>(arguments: &'a str, keyword: &str) -> Result<&'a str, Reply> {
    arguments
        .trim_start_matches(' ')
        .split_at_checked(keyword.len())
        .filter(|(start, _)| start.eq_ignore_ascii_case(keyword))
        .map(|(_, rest)| rest)
        .ok_or(replies::BAD_ARGUMENTS)
}

fn chunk_header(arguments: &str) -> Option<ChunkHeader> {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let size = number(words.next()?)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some(ChunkHeader { size, last })
}

/// Up to twenty digits and nothing else (RFC 1870 section 5).
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for (line, command) in [
            (&b"EHLO [127.0.0.1]"[..], Command::Ehlo("[127.0.0.1]")),
            (b"helo x  ", Command::Helo("x")),
            (b"AUTH plain =", Command::Auth { mechanism: "plain", initial_response: Some("=") }),
            (b"Auth LOGIN", Command::Auth { mechanism: "LOGIN", initial_response: None }),
            (b"BDAT 12 last", Command::Bdat(Some(ChunkHeader { size: 12, last: true }))),
            (b"BDAT 0", Command::Bdat(Some(ChunkHeader { size: 0, last: false }))),
            (b"BDAT -1", Command::Bdat(None)),
            (b"BDAT 1 2", Command::Bdat(None)),
            (b"NOOP anything", Command::Noop),
            (b"TURN", Command::NotImplemented),
        ] {
            assert_eq!(parse(line).unwrap(), command);
        }
    }

    #[test]
    fn parameters_of_mail() {
        let line = b"MAIL from: <a@b.c> size=10 body=8bitmime SMTPUTF8 AUTH=<>";
        let Ok(Command::Mail(mail)) = parse(line) else { panic!() };
        assert_eq!((mail.size, mail.smtputf8, mail.ascii), (Some(10), true, true));
        for (line, reply) in [
            ("MAIL FROM:<a@b> SIZE=", replies::BAD_ARGUMENTS),
            ("MAIL FROM:<a@b> SIZE=1 SIZE=2", replies::BAD_ARGUMENTS),
            ("MAIL FROM:<a@b> SIZE=99999999999999999999999", replies::BAD_ARGUMENTS),
            ("MAIL FROM:<a@b> BODY=BINARYMIME", replies::BAD_ARGUMENTS),
            ("MAIL FROM:<a@b> RET=HDRS", replies::UNKNOWN_PARAMETER),
            ("MAIL <a@b>", replies::BAD_ARGUMENTS),
            ("MAIL FROM:a@b", replies::BAD_REVERSE_PATH),
            ("RCPT TO:<a@b> NOTIFY=NEVER", replies::UNKNOWN_PARAMETER),
            ("RCPT TO:<a>", replies::BAD_FORWARD_PATH),
            ("DATA x", replies::BAD_ARGUMENTS),
            ("EHLO", replies::BAD_ARGUMENTS),
            ("VRFY", replies::BAD_ARGUMENTS),
            ("XYZZY", replies::UNKNOWN_COMMAND),
            ("", replies::UNKNOWN_COMMAND),
            ("NOOP é", replies::BAD_CHARACTERS),
            ("NO\0OP", replies::BAD_CHARACTERS),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(reply), "{line}");
        }
        assert_eq!(parse(b"NOOP \xff"), Err(replies::BAD_CHARACTERS));
    }
}
