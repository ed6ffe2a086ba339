//! Addresses to listen on, and the sockets bound to them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Connections that the kernel completes while nobody accepts them.
const BACKLOG: i32 = 4096;
/// How often a free port is looked for that is free on every address.
const PORT_ATTEMPTS: usize = 32;

/// Why a text is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not ADDRESS:PORT; ADDRESS is an IP address (IPv6 in brackets) or `localhost`, PORT 0 to 65535"
)]
pub struct BadAddress(pub String);

/// Reads `ADDRESS:PORT`. `localhost` is 127.0.0.1 and ::1, in this order. Port 0 is left to [`Listener::bind`].
///
/// # Errors
/// [`BadAddress`]; names other than `localhost` are not looked up.
pub fn parse_address(text: &str) -> Result<Vec<SocketAddr>, BadAddress> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| BadAddress(text.to_owned()))?;
    let port: u16 = port.parse().map_err(|_| BadAddress(text.to_owned()))?;
    if !host.eq_ignore_ascii_case("localhost") {
        return Err(BadAddress(text.to_owned()));
    }
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    Ok(loopback.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// Sockets that listen, all on one port.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    port: u16,
}

impl Listener {
    /// Binds each address. Where the first one's port is 0, a port is picked that is free on all of them. A
    /// machine without IPv6 does without `::1`, unless that is the only address. Call it inside a Tokio runtime.
    ///
    /// # Errors
    /// The system's, with the address in its text.
    pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Listener> {
        let Some((first, others)) = addresses.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
        };
        let mut attempts = if first.port() == 0 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            let socket = listen(*first)?;
            let port = socket.local_addr()?.port();
            match listen_on_others(others, first.port() == 0, port) {
                Ok(mut sockets) => {
                    sockets.insert(0, socket);
                    return Ok(Listener { sockets, port });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The port, the picked one where 0 was asked for.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that are bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The sockets, for a protocol other than HTTP.
    pub fn into_sockets(self) -> Vec<TcpListener> {
        self.sockets
    }
}

fn listen_on_others(others: &[SocketAddr], picked: bool, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut sockets = Vec::with_capacity(others.len() + 1);
    for other in others {
        let mut address = *other;
        if picked || address.port() == 0 {
            address.set_port(port);
        }
        match listen(address) {
            Ok(socket) => sockets.push(socket),
            Err(error) if address.ip() == Ipv6Addr::LOCALHOST && is_without_ipv6(&error) => {
                tracing::info!(%address, "this machine has no IPv6 loopback: not listening there");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind_socket(address).map_err(|error| {
        let unsupported = error.raw_os_error() == Some(EAFNOSUPPORT);
        let kind = if unsupported { io::ErrorKind::Unsupported } else { error.kind() };
        io::Error::new(kind, format!("cannot listen on {address}: {error}"))
    })
}

/// "Address family not supported" on Linux; the standard library has no kind for it.
const EAFNOSUPPORT: i32 = 97;

fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_listened_on() {
        let shown = |text| {
            parse_address(text)
                .map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(shown("localhost:8443").unwrap(), "127.0.0.1:8443 [::1]:8443");
        assert_eq!(shown("LOCALHOST:0").unwrap(), "127.0.0.1:0 [::1]:0");
        assert_eq!(shown("0.0.0.0:443").unwrap(), "0.0.0.0:443");
        assert_eq!(shown("[::]:443").unwrap(), "[::]:443");
        for text in
            ["", "localhost", "8443", ":8443", "localhost:", "localhost:65536", "example.com:1", "::1:"]
        {
            assert_eq!(parse_address(text), Err(BadAddress(text.to_owned())), "{text}");
        }
    }

    #[tokio::test]
    async fn localhost_is_one_port_on_both_loopbacks() {
        let listener = Listener::bind(&parse_address("localhost:0").unwrap()).await.unwrap();
        assert_ne!(listener.port(), 0);
        let addresses = listener.addresses();
        assert!(addresses.iter().all(|address| address.port() == listener.port()));
        assert_eq!(addresses[0].ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[tokio::test]
    async fn a_taken_port_is_named_in_the_error() {
        let first = Listener::bind(&parse_address("127.0.0.1:0").unwrap()).await.unwrap();
        let taken = format!("127.0.0.1:{}", first.port());
        let error = Listener::bind(&parse_address(&taken).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&taken), "{error}");
    }
}
