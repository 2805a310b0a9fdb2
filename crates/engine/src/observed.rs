//! Watching an execution: its history from the beginning, then each event as soon as it is durable.

use crate::{Engine, Error, Page};
use asl::Arn;
use machine::{EventId, HistoryEvent};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Events that are read from the store at once.
const PAGE: usize = 256;

/// The events of one execution. Of an Express execution, only those that come after the call.
pub struct Observed {
    engine: Engine,
    arn: Arn,
    /// The position in the stored history; `None` when that is read to its end.
    page: Option<Page>,
    read: VecDeque<HistoryEvent>,
    live: mpsc::UnboundedReceiver<HistoryEvent>,
    last: EventId,
}

impl Observed {
    pub(crate) fn new(engine: Engine, arn: Arn, live: mpsc::UnboundedReceiver<HistoryEvent>) -> Observed {
        let page = Some(Page { size: PAGE, after: None });
        Observed { engine, arn, page, read: VecDeque::new(), live, last: 0 }
    }

    /// The next event; `None` after the last one of an execution that has ended.
    pub async fn next(&mut self) -> Result<Option<HistoryEvent>, Error> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.last = event.id;
                return Ok(Some(event));
            }
            let Some(page) = self.page.take() else { break };
            self.read_on(&page).await?;
        }
        // What was made durable while the history was read comes twice.
        while let Some(event) = self.live.recv().await {
            if event.id > self.last {
                self.last = event.id;
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    async fn read_on(&mut self, page: &Page) -> Result<(), Error> {
        match self.engine.history(&self.arn, false, page.clone()).await {
            Ok(events) => {
                self.page = events.next.map(|after| Page { size: PAGE, after: Some(after) });
                self.read.extend(events.items);
                Ok(())
            }
            // An Express execution has no stored history.
            Err(Error::ExecutionDoesNotExist(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
