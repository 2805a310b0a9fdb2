//! State machines: created, updated, deleted and listed. Changes are made one at a time; reads are not held up by them.

use crate::{
    Account, Changed, Error, ListedStateMachine, NewStateMachine, Page, Paged, Publish, StateMachineChange,
    StateMachineRecord,
    changes::{Changing, Counts},
    definitions::Definition,
    environment::Environment,
    recent::Recent,
    routing::Routing,
    shard::Order,
    tables::{RevisionKey, Writes, arn_prefix},
    versions::{is_same_publish, published, version_arn},
};
use asl::Arn;
use json::Text;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// State machines of which it is remembered which revision is the current one: some hundred bytes each.
const CURRENT_MAX: usize = 4_096;

/// The state machines, activities and tags of the engine.
pub(crate) struct Registry {
    pub(crate) environment: Arc<Environment>,
    /// Held while something is changed.
    pub(crate) changes: Arc<Mutex<Counts>>,
    /// The current revisions that were used lately; only what is durable, and none that is being deleted.
    current: Recent<Text, RevisionKey>,
    /// The same of versions and aliases.
    pub(crate) routing: Routing,
}

impl Registry {
    pub(crate) fn open(environment: Arc<Environment>) -> Result<Registry, Error> {
        let tables = environment.tables()?;
        // Before the shards start: they must know whose executions end.
        tables.deleting()?.iter().for_each(|arn| environment.deletions.mark(arn));
        Ok(Registry {
            environment,
            changes: Arc::new(Mutex::new(Counts::of(&tables)?)),
            current: Recent::new(CURRENT_MAX),
            routing: Routing::default(),
        })
    }

    /// Idempotent by AWS's rule: the role and the tags are not compared.
    pub(crate) async fn create(&self, counts: &mut Counts, new: NewStateMachine) -> Result<Changed, Error> {
        let arn: Text = new.arn.to_string().into();
        if let Some(existing) = self.environment.tables()?.state_machine(&arn)? {
            return self.created_before(existing, &new);
        }
        let mut writes = Writes::default();
        writes.tags(&arn, &self.checked_tags(&arn, new.tags)?);
        if counts.state_machines.count(&arn) >= self.environment.options.limits.state_machines_max {
            return Err(Error::StateMachineLimitExceeded);
        }
        let now_ms = self.environment.clock.now_ms();
        let record = StateMachineRecord {
            name: name_of(&new.arn),
            arn,
            definition: new.definition,
            role_arn: new.role_arn,
            state_machine_type: new.state_machine_type,
            created_ms: now_ms,
            updated_ms: now_ms,
            revision_id: None,
            deleting: false,
            logging: new.logging,
            tracing: new.tracing,
            encryption: new.encryption,
            revision: None,
        };
        let created = self.commit(record, Some(new.parsed), writes, new.publish.as_ref()).await?;
        counts.state_machines.add(&created.state_machine.arn);
        Ok(created)
    }

    /// The answer to a creation of what is there.
    fn created_before(&self, existing: StateMachineRecord, new: &NewStateMachine) -> Result<Changed, Error> {
        if existing.deleting {
            return Err(Error::StateMachineDeleting(existing.arn));
        }
        let tables = self.environment.tables()?;
        if !is_same(&existing, new) || !is_same_publish(&tables, &existing.arn, new.publish.as_ref())? {
            return Err(Error::StateMachineAlreadyExists(existing.arn));
        }
        let version_arn = new.publish.as_ref().map(|_| version_arn(&existing.arn, 1));
        Ok(Changed { state_machine: Arc::new(existing), version_arn })
    }

    /// An update that changes nothing makes no revision.
    pub(crate) async fn update(&self, _: &Changing, arn: &Arn, change: StateMachineChange) -> Result<Changed, Error> {
        let current = self.record(arn)?;
        if current.deleting {
            return Err(Error::StateMachineDeleting(arn.to_string().into()));
        }
        let mut record = StateMachineRecord::clone(&current);
        let parsed = match change.definition {
            Some((definition, parsed)) => {
                record.definition = definition;
                Some(parsed)
            }
            // Who executes it next reads it, if it is not in memory.
            None => self.kept(&record.arn).map(|kept| Arc::clone(&kept.parsed)),
        };
        record.role_arn = change.role_arn.unwrap_or(record.role_arn);
        record.logging = change.logging.apply(record.logging);
        record.tracing = change.tracing.apply(record.tracing);
        record.encryption = change.encryption.apply(record.encryption);
        let revision = current.current_revision();
        if RevisionKey::of(&record) == RevisionKey::of(&current) {
            let mut writes = Writes::default();
            let version_arn = self.publication(&mut writes, &record.arn, revision, change.publish.as_ref())?;
            self.environment.commit(writes).await?;
            return Ok(Changed { state_machine: current, version_arn });
        }
        record.revision_id = Some(self.environment.random.uuid()?.into());
        record.updated_ms = self.environment.clock.now_ms();
        let mut writes = Writes::default();
        writes.superseded(revision, &record.arn, record.updated_ms);
        self.commit(record, parsed, writes, change.publish.as_ref()).await
    }

    fn publication(
        &self,
        writes: &mut Writes,
        arn: &Text,
        revision: RevisionKey,
        publish: Option<&Publish>,
    ) -> Result<Option<Text>, Error> {
        let Some(publish) = publish else { return Ok(None) };
        let version = published(&self.environment, writes, arn, revision, publish)?;
        Ok(Some(version_arn(arn, version.number)))
    }

    /// Makes `record` the current revision. It is kept in memory if its definition is at hand as `parsed`.
    async fn commit(
        &self,
        mut record: StateMachineRecord,
        parsed: Option<Arc<asl::StateMachine>>,
        mut writes: Writes,
        publish: Option<&Publish>,
    ) -> Result<Changed, Error> {
        let revision = RevisionKey::of(&record);
        record.revision = Some(revision);
        let version_arn = self.publication(&mut writes, &record.arn, revision, publish)?;
        writes.revision(revision, &record);
        writes.state_machine(&record);
        self.forget(&record.arn);
        self.environment.commit(writes).await?;
        let state_machine = Arc::new(record);
        if let Some(parsed) = parsed {
            let definition = Definition { revision, record: Arc::clone(&state_machine), parsed };
            self.environment.definitions.keep(Arc::new(definition));
        }
        self.current.keep(Arc::clone(&state_machine.arn), revision, 1);
        Ok(Changed { state_machine, version_arn })
    }

    /// What is stored of the state machine as it is now. Its definition is not read: whether it can be matters only to who
    /// executes it.
    pub(crate) fn record(&self, arn: &Arn) -> Result<Arc<StateMachineRecord>, Error> {
        let text: Text = arn.to_string().into();
        if let Some(definition) = self.kept(&text) {
            return Ok(Arc::clone(&definition.record));
        }
        let record = self.environment.tables()?.state_machine(&text)?;
        record.map(Arc::new).ok_or(Error::StateMachineDoesNotExist(text))
    }

    /// What StartExecution needs of the state machine as it is now, if that is in memory.
    pub(crate) fn kept(&self, arn: &str) -> Option<Arc<Definition>> {
        self.environment.definitions.kept(&self.current.get(arn)?.into())
    }

    /// The revision that is started now, read from the store. Which one it is is remembered if nothing is changed from before
    /// it is read until then, so that no change can be overtaken by an older reading.
    pub(crate) fn current_to_start(&self, arn: &Arn) -> Result<Arc<Definition>, Error> {
        let unchanged = self.changes.try_lock();
        let text: Text = arn.to_string().into();
        let tables = self.environment.tables()?;
        let record = tables.state_machine(&text)?.ok_or_else(|| Error::StateMachineDoesNotExist(Arc::clone(&text)))?;
        if record.deleting {
            return Err(Error::StateMachineDeleting(text));
        }
        let revision = record.current_revision();
        let definition = self.environment.definitions.get(&revision.into(), &tables)?;
        if unchanged.is_ok() {
            self.current.keep(text, revision, 1);
        }
        Ok(definition)
    }

    /// Does what reads a definition or more than a few records where no connection waits for it.
    pub(crate) async fn apart<T: Send + 'static>(
        self: &Arc<Registry>,
        read: impl FnOnce(&Registry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let registry = Arc::clone(self);
        self.environment.apart(move || read(&registry)).await?
    }

    /// Marks the state machine; it is gone when its last execution has closed.
    pub(crate) async fn delete(&self, changing: Changing, arn: &Arn) -> Result<(), Error> {
        let current = match self.record(arn) {
            Err(Error::StateMachineDoesNotExist(_)) => return Ok(()),
            current => current?,
        };
        let record = StateMachineRecord { deleting: true, ..StateMachineRecord::clone(&current) };
        let mut writes = Writes::default();
        writes.state_machine(&record);
        writes.deleting(&record.arn);
        self.forget(&record.arn);
        self.routing.forget_all_of(&record.arn);
        self.environment.deletions.begin();
        self.environment.commit(writes).await?;
        self.environment.deletions.mark(&record.arn);
        drop(changing);
        self.finish_deletion(&record.arn).await
    }

    /// Removes a state machine that is being deleted, unless it has open executions. It may be gone already, and one of
    /// the same name in its place.
    async fn finish_deletion(&self, arn: &Text) -> Result<(), Error> {
        if self.environment.tables()?.is_running(arn)? {
            return Ok(());
        }
        // A start that came before the deletion may be on its way to the disk.
        self.environment.order_all(|done| Order::Settle { done }).await;
        let mut counts = self.changing().await?;
        let tables = self.environment.tables()?;
        let Some(record) = tables.state_machine(arn)?.filter(|record| record.deleting) else {
            self.environment.deletions.end(arn);
            return Ok(());
        };
        if tables.is_running(arn)? {
            return Ok(());
        }
        let mut writes = Writes::default();
        writes.remove_state_machine(arn);
        tables.forget_qualifiers(&mut writes, arn)?;
        writes.superseded(record.current_revision(), arn, self.environment.clock.now_ms());
        writes.tags(arn, &[]);
        self.forget(arn);
        self.environment.commit(writes).await?;
        self.environment.deletions.end(arn);
        counts.state_machines.remove(arn);
        Ok(())
    }

    /// Finishes deletions: those that were under way at the start, and then each when an execution has closed.
    pub(crate) async fn finish_deletions(self: Arc<Self>, mut closed: mpsc::UnboundedReceiver<Text>) {
        let under_way = self.environment.tables().and_then(|tables| Ok(tables.deleting()?));
        for arn in under_way.unwrap_or_default() {
            self.try_to_finish(&arn).await;
        }
        while let Some(arn) = closed.recv().await {
            if self.environment.deletions.has(&arn) {
                self.try_to_finish(&arn).await;
            }
        }
    }

    async fn try_to_finish(&self, arn: &Text) {
        if let Err(error) = self.finish_deletion(arn).await {
            tracing::warn!(%arn, error = &error as &dyn std::error::Error, "a state machine stays in deletion");
        }
    }

    pub(crate) fn list(&self, scope: &Account, page: &Page) -> Result<Paged<ListedStateMachine>, Error> {
        let tables = self.environment.tables()?;
        let prefix = arn_prefix(scope, "stateMachine");
        let records = tables.state_machines(&prefix, page.after.as_deref(), page.size.saturating_add(1))?;
        Ok(paged(records, page.size, |record| Arc::clone(&record.arn)))
    }

    fn forget(&self, arn: &Text) {
        self.current.forget(arn);
    }
}

/// Cuts what was read down to a page; one more than the page tells that there is a next one.
pub(crate) fn paged<T>(mut items: Vec<T>, size: usize, position: impl Fn(&T) -> Text) -> Paged<T> {
    let has_more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| has_more).map(|last| position(last).as_bytes().to_vec());
    Paged { items, next }
}

fn is_same(existing: &StateMachineRecord, new: &NewStateMachine) -> bool {
    existing.definition == new.definition
        && existing.state_machine_type == new.state_machine_type
        && existing.logging == new.logging
        && existing.tracing == new.tracing
        && existing.encryption == new.encryption
}

/// The name in the ARN of a state machine or an activity.
pub(crate) fn name_of(arn: &Arn) -> Text {
    let text = arn.to_string();
    text.rsplit(':').next().unwrap_or(&text).into()
}
