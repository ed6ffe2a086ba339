//! How much a client may ask for.

/// Limits of a session. The default is what the server uses where its operator says nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a message, as sent and after the dots are removed; announced by SIZE.
    pub message_size: u64,
    /// Recipients of one message; one more is answered 452 4.5.3, and the others stand.
    pub recipients: usize,
    /// Octets of a command line without its CRLF. RFC 5321 wants 512, and each extension adds some.
    pub command_line: usize,
    /// Octets of an AUTH command or of a response in its dialogue: RFC 4954 wants 12,288.
    pub authentication_line: usize,
    /// Octets after which a line without an end closes the connection.
    pub endless_line: usize,
    /// Octets of a line of a message. RFC 5321 allows 998, but senders of long HTML lines are many, and we can
    /// deliver those.
    pub text_line: usize,
    /// Commands refused for syntax or sequence before the connection is closed.
    pub bad_commands: u32,
    /// Commands of a client that has not authenticated before the connection is closed.
    pub unauthenticated_commands: u32,
    /// Failed authentications before the connection is closed.
    pub failed_authentications: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_size: 35 * 1024 * 1024,
            recipients: 1_000,
            command_line: 2_048,
            authentication_line: 12_288,
            endless_line: 1024 * 1024,
            text_line: 1024 * 1024,
            bad_commands: 20,
            unauthenticated_commands: 100,
            failed_authentications: 6,
        }
    }
}
