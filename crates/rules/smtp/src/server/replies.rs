//! The replies of the server that are the same each time.
//!
//! The texts that Azure Communication Services is known to send are kept byte for byte; the others pair the
//! RFCs' codes with a sentence that helps.

use crate::reply::{Enhanced, Reply};

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $class:literal, $subject:literal, $detail:literal, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Reply = Reply::new($code, Enhanced($class, $subject, $detail), $text);)*
    };
}

table! {
    /// To NOOP and RSET.
    OK = 250, 2, 0, 0, "OK";
    /// To MAIL.
    SENDER_OK = 250, 2, 1, 0, "Sender OK";
    /// To RCPT.
    RECIPIENT_OK = 250, 2, 1, 5, "Recipient OK";
    /// To STARTTLS; the handshake follows.
    READY_FOR_TLS = 220, 2, 0, 0, "Ready to start TLS";
    /// To QUIT.
    BYE = 221, 2, 0, 0, "Bye";
    /// To AUTH.
    AUTHENTICATED = 235, 2, 7, 0, "Authentication successful";
    /// To HELP.
    HELP = 214, 2, 0, 0, "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT; see RFC 6409";
    /// To VRFY.
    CANNOT_VERIFY = 252, 2, 0, 0, "Cannot verify the user, but will take a message for it";

    /// Known text. Whatever is wrong with a username, its credential or its permissions.
    AUTHENTICATION_UNSUCCESSFUL = 535, 5, 7, 3, "Authentication unsuccessful";
    /// Known text. The domain of the reverse-path or of the header's From is not linked.
    SENDER_DOMAIN_NOT_LINKED = 501, 5, 1, 7, "The specified sender domain has not been linked.";
    /// Known text; the three digits are ours. The local part is not a registered sender username.
    SENDER_USERNAME_INVALID = 550, 5, 3, 5, "Email sender's username is invalid";

    /// To MAIL: no role allows sending from this address; its condition is not met.
    SENDER_NOT_ALLOWED = 550, 5, 7, 1, "Sending from this address is not allowed";
    /// To RCPT: no role allows sending to this domain.
    RECIPIENT_NOT_ALLOWED = 550, 5, 7, 1, "Sending to this recipient is not allowed";
    /// To the end of data: no role allows this message, from its authors to its recipients.
    MESSAGE_NOT_ALLOWED = 550, 5, 7, 1, "Sending this message is not allowed";

    /// `MAIL FROM:<>`: RFC 6409 section 6.1 lets a submission server want a real sender.
    NULL_REVERSE_PATH = 550, 5, 7, 1, "The null reverse-path is not accepted for submission";

    /// A MAIL without AUTH, under TLS.
    AUTHENTICATION_REQUIRED = 530, 5, 7, 0, "Authentication required";
    /// Anything that matters, before TLS.
    STARTTLS_REQUIRED = 530, 5, 7, 0, "Must issue a STARTTLS command first";
    /// AUTH before TLS.
    ENCRYPTION_REQUIRED = 538, 5, 7, 11, "Encryption required for requested authentication mechanism";
    /// AUTH with a mechanism that we do not have.
    UNKNOWN_MECHANISM = 504, 5, 5, 4, "Unrecognized authentication mechanism";
    /// `*` in the AUTH dialogue.
    AUTHENTICATION_CANCELLED = 501, 5, 7, 0, "Authentication cancelled";
    /// A response that is not base64, or not what the mechanism asks for.
    BAD_SASL_RESPONSE = 501, 5, 5, 2, "Cannot decode the authentication response";
    /// A response over the limit.
    SASL_RESPONSE_TOO_LONG = 500, 5, 5, 6, "Authentication exchange line is too long";
    /// The sign-in cannot be decided now.
    TEMPORARY_AUTHENTICATION_FAILURE = 454, 4, 7, 0, "Temporary authentication failure";
    /// One failed AUTH too many; the connection closes.
    TOO_MANY_FAILED_AUTHENTICATIONS = 421, 4, 7, 0, "Too many failed authentications";

    /// A verb that no RFC knows.
    UNKNOWN_COMMAND = 500, 5, 5, 1, "Command not recognized";
    /// A verb that we know and do not have.
    NOT_IMPLEMENTED = 502, 5, 5, 1, "Command not implemented";
    /// Control characters, or octets that are not UTF-8, or UTF-8 where it has no place.
    BAD_CHARACTERS = 500, 5, 5, 2, "Command contains characters that are not allowed";
    /// A command line over the limit.
    LINE_TOO_LONG = 500, 5, 5, 2, "Line too long";
    /// A bare CR or LF among the commands; the connection closes.
    BARE_LINE_BREAK = 500, 5, 5, 2, "Lines must end in CRLF";
    /// Arguments where none belong, or none where some do.
    BAD_ARGUMENTS = 501, 5, 5, 4, "Syntax error in arguments";
    /// One command too many without authentication; the connection closes.
    TOO_MANY_UNAUTHENTICATED_COMMANDS = 421, 4, 7, 0, "Too many commands without authentication";
    /// A BDAT whose size cannot be read, so that nobody knows where its octets end; the connection closes.
    BAD_CHUNK_SIZE = 501, 5, 5, 4, "Chunk size cannot be read";
    /// A parameter that we did not announce.
    UNKNOWN_PARAMETER = 555, 5, 5, 4, "Unsupported parameter";
    /// A reverse-path that is not one.
    BAD_REVERSE_PATH = 501, 5, 1, 7, "Syntax error in sender address";
    /// A forward-path that is not one.
    BAD_FORWARD_PATH = 501, 5, 1, 3, "Syntax error in recipient address";
    /// An address with other than ASCII outside of SMTPUTF8.
    SMTPUTF8_REQUIRED = 553, 5, 6, 7, "Address needs SMTPUTF8";
    /// Anything before EHLO.
    EHLO_FIRST = 503, 5, 5, 1, "Send EHLO first";
    /// RCPT, DATA or BDAT before MAIL.
    MAIL_FIRST = 503, 5, 5, 1, "Send MAIL first";
    /// MAIL within a transaction.
    SENDER_ALREADY_GIVEN = 503, 5, 5, 1, "Sender already given";
    /// Anything that must not happen within a transaction, or between chunks.
    BAD_SEQUENCE = 503, 5, 5, 1, "Bad sequence of commands";
    /// AUTH after AUTH.
    ALREADY_AUTHENTICATED = 503, 5, 5, 1, "Already authenticated";
    /// STARTTLS under TLS.
    TLS_ALREADY_ACTIVE = 503, 5, 5, 1, "TLS already active";
    /// DATA or BDAT without a recipient that was accepted.
    NO_VALID_RECIPIENTS = 554, 5, 5, 1, "No valid recipients";
    /// The recipient after the last one allowed.
    TOO_MANY_RECIPIENTS = 452, 4, 5, 3, "Too many recipients";
    /// A message over the limit, as announced or as sent.
    MESSAGE_TOO_LARGE = 552, 5, 3, 4, "Message size exceeds the limit";
    /// A bare CR or LF in a message.
    BARE_LINE_BREAK_IN_MESSAGE = 550, 5, 6, 0, "Message contains bare CR or LF; lines must end in CRLF";
    /// A line of a message over the limit.
    TEXT_LINE_TOO_LONG = 550, 5, 6, 0, "Message contains a line that is too long";
    /// The server has no room now.
    INSUFFICIENT_STORAGE = 452, 4, 3, 1, "Insufficient system storage";
    /// One bad command too many; the connection closes.
    TOO_MANY_BAD_COMMANDS = 421, 4, 7, 0, "Too many bad commands";
    /// The client took too long; the connection closes.
    TIMEOUT = 421, 4, 4, 2, "Timeout";
    /// The server stops; the connection closes.
    SHUTTING_DOWN = 421, 4, 3, 2, "Service shutting down";
    /// The server has all the connections that it can serve; this one closes.
    TOO_MANY_CONNECTIONS = 421, 4, 3, 2, "Too many connections, try again later";
}

/// To DATA.
pub const GO_AHEAD: Reply = Reply::plain(354, "Start mail input; end with <CRLF>.<CRLF>");
