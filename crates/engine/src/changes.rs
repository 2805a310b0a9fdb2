//! Changes of state machines, versions, aliases, activities and tags: one at a time, and each to its end.

use crate::{
    Engine, Error, Inner,
    scopes::PerScope,
    state_machines::Registry,
    tables::{ReadError, Tables},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use store::Store;
use tokio::{
    runtime::Handle,
    sync::{OwnedMutexGuard, oneshot},
    task::JoinSet,
};

/// Held by who changes something.
pub(crate) type Changing = OwnedMutexGuard<Counts>;

/// How many there are, for the limits of an account in a Region.
pub(crate) struct Counts {
    /// In which they were counted. After a failed commit nobody knows what is durable: the store is opened again, and they
    /// are counted again. (Who held on to it would keep it from being opened.)
    store: Weak<dyn Store>,
    pub(crate) state_machines: PerScope,
    pub(crate) activities: PerScope,
}

impl Counts {
    pub(crate) fn of(tables: &Tables) -> Result<Counts, ReadError> {
        let (state_machines, activities) = tables.counts()?;
        Ok(Counts { store: Arc::downgrade(tables.store()), state_machines, activities })
    }
}

impl Registry {
    /// Waits until nobody else changes anything.
    pub(crate) async fn changing(&self) -> Result<Changing, Error> {
        let mut changing = self.unchanging().await;
        let tables = self.environment.tables()?;
        if !changing.store.ptr_eq(&Arc::downgrade(tables.store())) {
            *changing = self.environment.apart(move || Counts::of(&tables)).await??;
        }
        Ok(changing)
    }

    /// Ready when the change that is being made has ended, and none can begin while what is given back is held.
    pub(crate) async fn unchanging(&self) -> Changing {
        Arc::clone(&self.changes).lock_owned().await
    }
}

/// The changes that have begun.
#[derive(Default)]
pub(crate) struct Begun(Mutex<JoinSet<()>>);

impl Begun {
    fn begin(&self, change: impl Future<Output = ()> + Send + 'static, runtime: &Handle) {
        let mut begun = self.lock();
        while begun.try_join_next().is_some() {}
        begun.spawn_on(change, runtime);
    }

    /// Leaves them where they are.
    pub(crate) fn abort(&self) {
        self.lock().abort_all();
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Makes a change when its turn comes. A caller that goes away before that has begun nothing. Later the change is made to
    /// its end: what becomes durable must be known in memory, and until it is, nothing else may be changed, nor what is read
    /// now be remembered.
    pub(crate) async fn change<T: Send + 'static, F>(
        &self,
        change: impl FnOnce(Arc<Registry>, Changing) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let Inner { environment, registry, begun, .. } = &*self.inner;
        let made = change(Arc::clone(registry), registry.changing().await?);
        let (reply, answer) = oneshot::channel();
        let made_to_its_end = async move {
            // Nobody waits any more when the caller went away.
            let _ = reply.send(made.await);
        };
        begun.begin(made_to_its_end, &environment.runtime);
        answer.await.unwrap_or_else(|_| Err(environment.no_answer()))
    }
}
