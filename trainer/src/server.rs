//! How does a browser on this machine see a package? A small static file server on the loopback interface.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use anyhow::{Result, anyhow};
use tiny_http::{Header, Method, Request, Response, Server};

/// A folder that is served below a prefix.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Begins and ends with a slash.
    pub prefix: String,
    pub folder: PathBuf,
}

/// The strictest policy that the storefront and the engine work under; it is sent with every page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
                                       connect-src 'self'; img-src 'self' data:; style-src 'self'";

/// Takes a port of the loopback interface; port 0 is any free one.
///
/// # Errors
/// When the port is taken.
pub fn bind(port: u16) -> Result<Server> {
    Server::http(("127.0.0.1", port)).map_err(|error| {
        anyhow!(
            "cannot listen on port {port}: {error}\nhint: another server may run there; choose one with --port"
        )
    })
}

/// Says the address and serves `mounts` (the first that has a file wins) until the process ends.
///
/// # Errors
/// When the address cannot be said.
pub fn serve(server: &Server, mounts: &[Mount]) -> Result<()> {
    crate::output::print(&format!("http://{}\n", server.server_addr()))?;
    // A browser that leaves a response half read holds its thread up; the others go on.
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| server.incoming_requests().for_each(|request| answer(request, mounts)));
        }
    });
    Ok(())
}

/// Requests answered at once.
const THREADS: usize = 16;

fn answer(request: Request, mounts: &[Mount]) {
    let path = request.url().split(['?', '#']).next().unwrap_or("/").to_owned();
    let is_read = matches!(request.method(), Method::Get | Method::Head);
    let found = if is_read { find(&path, mounts) } else { None };
    let response = match found.and_then(|file| Some((fs::read(&file).ok()?, content_type(&file)))) {
        Some((bytes, content_type)) => {
            let mut response = Response::from_data(bytes);
            let headers = [
                ("Content-Type", content_type),
                ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
                ("Cache-Control", "no-cache"),
                ("X-Content-Type-Options", "nosniff"),
            ];
            for (name, value) in headers {
                if let Ok(header) = Header::from_bytes(name, value) {
                    response.add_header(header);
                }
            }
            response
        }
        None => Response::from_data("not found").with_status_code(404),
    };
    // A client that has gone away is no failure of ours.
    let _ = respond(request, response);
}

/// Answers and says that the connection ends there.
///
/// A connection that is kept open keeps one of the few threads that read, and tiny_http lets new connections wait for
/// those when several come at once, as they do at a browser's first look: the page then never finished loading.
fn respond(request: Request, response: Response<impl Read>) -> io::Result<()> {
    let is_head = *request.method() == Method::Head;
    let mut bytes = Vec::new();
    response.raw_print(&mut bytes, request.http_version().clone(), request.headers(), is_head, None)?;
    let line = bytes.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    bytes.splice(line..line, *b"Connection: close\r\n");
    let mut writer = request.into_writer();
    writer.write_all(&bytes)?;
    writer.flush()
}

/// The file for a path; never one outside the mounted folders.
fn find(path: &str, mounts: &[Mount]) -> Option<PathBuf> {
    mounts.iter().filter_map(|mount| file_in(mount, path)).find(|file| file.is_file())
}

fn file_in(mount: &Mount, path: &str) -> Option<PathBuf> {
    let rest = path.strip_prefix(&mount.prefix)?;
    let rest =
        if rest.is_empty() || rest.ends_with('/') { format!("{rest}index.html") } else { rest.to_owned() };
    let relative = Path::new(&rest);
    let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    is_inside.then(|| mount.folder.join(relative))
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    /// As a browser does at its first look: more connections than there are threads that read, kept open unless told.
    #[test]
    fn connections_that_come_at_once_do_not_wait_for_each_other() {
        let server = bind(0).unwrap();
        let address = server.server_addr().to_ip().unwrap();
        let mounts = [Mount { prefix: "/".into(), folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")) }];
        std::thread::spawn(move || server.incoming_requests().for_each(|request| answer(request, &mounts)));
        let expected = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let connect = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
            stream.write_all(b"GET /Cargo.toml HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        };
        let mut kept = Vec::new();
        for mut stream in (0..12).map(connect).collect::<Vec<_>>() {
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            while !bytes.ends_with(expected.as_bytes()) {
                let count = stream.read(&mut part).unwrap();
                assert!(count > 0, "cut off");
                bytes.extend_from_slice(&part[..count]);
            }
            assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
            if !bytes.windows(17).any(|window| window == b"Connection: close") {
                kept.push(stream);
            }
        }
        assert!(kept.is_empty());
    }

    #[test]
    fn no_path_leaves_its_folder() {
        let mount = Mount { prefix: "/".into(), folder: PathBuf::from("/srv/site") };
        assert_eq!(file_in(&mount, "/a/b.js"), Some(PathBuf::from("/srv/site/a/b.js")));
        assert_eq!(file_in(&mount, "/"), Some(PathBuf::from("/srv/site/index.html")));
        assert_eq!(file_in(&mount, "/../secret"), None);
        assert_eq!(file_in(&mount, "//etc/passwd"), None);
    }
}
