//! An HTTP endpoint, also with TLS, and the authority that vouches for it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::Value;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// Path and body of the requests that an endpoint has taken.
pub type Requests = mpsc::UnboundedReceiver<(String, Value)>;

/// A listener on a free port.
pub async fn listen() -> (u16, Requests) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    (listener.local_addr().unwrap().port(), take_requests(listener, None))
}

/// A listener on a free port that speaks TLS.
pub async fn listen_with_tls(authority: &Authority) -> (u16, Requests) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    (listener.local_addr().unwrap().port(), take_requests(listener, Some(authority.acceptor())))
}

/// Takes every request, and gives path and body. The first is refused, as by a server that starts up.
pub fn take_requests(listener: TcpListener, tls: Option<TlsAcceptor>) -> Requests {
    let (sender, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let is_first = Arc::new(AtomicBool::new(true));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, sender, is_first) = (tls.clone(), sender.clone(), Arc::clone(&is_first));
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, sender, is_first).await,
                    // A client that does not trust the certificate goes away.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, sender, is_first).await;
                        }
                    }
                }
            });
        }
    });
    received
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    sender: mpsc::UnboundedSender<(String, Value)>,
    is_first: Arc<AtomicBool>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (sender, refuse) = (sender.clone(), is_first.swap(false, Ordering::SeqCst));
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            if refuse {
                let answer = Response::builder().status(503).header("Connection", "close");
                return Ok::<_, Infallible>(answer.body(Full::new(Bytes::new())).unwrap());
            }
            sender.send((path, serde_json::from_slice(&body).unwrap())).unwrap();
            Ok(Response::new(Full::new(Bytes::new())))
        }
    });
    // A connection that breaks shows in what has arrived.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Vouches for `localhost` and 127.0.0.1.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its own certificate, for those who trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
