//! The bodies of all requests that are being answered: so many bytes, and no more.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use std::error::Error;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for bodies. A byte takes its place when it comes, so that who announces a body and sends none takes nothing.
#[derive(Clone)]
pub(super) struct Bodies {
    room: Arc<Semaphore>,
}

/// A body, and its place until the request is answered.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Why a body is not there.
#[derive(Debug)]
pub(super) enum Missing {
    TooLarge,
    /// There is no room for it beside those of other requests. To wait with half of it would hold up others that wait with
    /// theirs.
    NoRoom,
    Broken(Box<dyn Error + Send + Sync>),
}

impl Bodies {
    pub(super) fn new(bytes_max: usize) -> Bodies {
        Bodies { room: Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS))) }
    }

    /// Collects a body of up to `bytes_max`. One that comes in one piece, as nearly all do, is not copied.
    pub(super) async fn collect<B>(&self, body: &mut B, bytes_max: usize) -> Result<Collected, Missing>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut body = Limited::new(body, bytes_max);
        let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
        let mut place: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(Missing::of)?.into_data() else { continue };
            let taken = self.place(piece.len())?;
            match &mut place {
                Some(place) => place.merge(taken),
                None => place = Some(taken),
            }
            if first.is_empty() {
                first = piece;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&piece);
            }
        }
        Ok(Collected { bytes: if rest.is_empty() { first } else { rest.freeze() }, place })
    }

    fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Missing> {
        let bytes = u32::try_from(bytes).map_err(|_| Missing::NoRoom)?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| Missing::NoRoom)
    }
}

impl Missing {
    fn of(error: Box<dyn Error + Send + Sync>) -> Missing {
        if error.is::<LengthLimitError>() { Missing::TooLarge } else { Missing::Broken(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use std::convert::Infallible;

    /// So many pieces of two bytes.
    fn pieces(count: usize) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let piece = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"ab")));
        StreamBody::new(stream::iter((0..count).map(move |_| piece())))
    }

    async fn collect(bodies: &Bodies, text: &str, bytes_max: usize) -> Result<Collected, Missing> {
        bodies.collect(&mut Full::new(Bytes::copy_from_slice(text.as_bytes())), bytes_max).await
    }

    #[tokio::test]
    async fn all_bodies_together_have_so_many_bytes() {
        let bodies = Bodies::new(10);
        let first = collect(&bodies, "123456", 8).await.unwrap();
        assert!(matches!(collect(&bodies, "12345", 8).await, Err(Missing::NoRoom)));
        let second = collect(&bodies, "1234", 8).await.unwrap();
        assert_eq!((&*first.bytes, &*second.bytes), (&b"123456"[..], &b"1234"[..]));
        drop(first);
        assert!(matches!(collect(&bodies, "123456789", 8).await, Err(Missing::TooLarge)));
        drop(second);
        assert_eq!(bodies.room.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together_and_gives_all_of_its_place_back() {
        let bodies = Bodies::new(6);
        let collected = bodies.collect(&mut pieces(3), 8).await.unwrap();
        assert_eq!(&*collected.bytes, b"ababab");
        assert_eq!(bodies.room.available_permits(), 0);
        drop(collected);
        assert!(matches!(bodies.collect(&mut pieces(4), 8).await, Err(Missing::NoRoom)));
        assert_eq!(bodies.room.available_permits(), 6);
    }
}
