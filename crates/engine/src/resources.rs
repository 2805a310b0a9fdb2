//! Activities, and the tags of activities and state machines.

use crate::{
    Account, ActivityRecord, Error, NewActivity, Page, Paged,
    changes::{Changing, Counts},
    shard::Report,
    state_machines::{Registry, name_of, paged},
    tables::{Writes, arn_prefix},
};
use asl::Arn;
use json::Text;

type Tags = Vec<(String, String)>;

impl Registry {
    /// The same name again is the same activity; its tags stay as they are.
    pub(crate) async fn create_activity(&self, counts: &mut Counts, new: NewActivity) -> Result<ActivityRecord, Error> {
        let arn: Text = new.arn.to_string().into();
        if let Some(existing) = self.environment.tables()?.activity(&arn)? {
            let is_same = existing.encryption == new.encryption;
            return if is_same { Ok(existing) } else { Err(Error::ActivityAlreadyExists(arn)) };
        }
        let mut writes = Writes::default();
        writes.tags(&arn, &self.checked_tags(&arn, new.tags)?);
        if counts.activities.count(&arn) >= self.environment.options.limits.activities_max {
            return Err(Error::ActivityLimitExceeded);
        }
        let created_ms = self.environment.clock.now_ms();
        let record = ActivityRecord { name: name_of(&new.arn), arn, created_ms, encryption: new.encryption };
        writes.activity(&record);
        self.environment.commit(writes).await?;
        counts.activities.add(&record.arn);
        Ok(record)
    }

    pub(crate) fn activity(&self, arn: &Arn) -> Result<ActivityRecord, Error> {
        let text: Text = arn.to_string().into();
        self.environment.tables()?.activity(&text)?.ok_or(Error::ActivityDoesNotExist(text))
    }

    /// An activity that does not exist is deleted already. Tasks that no worker has taken fail: nobody can take them any
    /// more. What a worker has taken goes on.
    pub(crate) async fn delete_activity(&self, counts: &mut Counts, arn: &Arn) -> Result<(), Error> {
        let text = arn.to_string();
        if self.environment.tables()?.activity(&text)?.is_none() {
            return Ok(());
        }
        let mut writes = Writes::default();
        writes.remove_activity(&text);
        writes.tags(&text, &[]);
        self.environment.commit(writes).await?;
        // Before the tasks in line are looked for: one that is offered later finds no activity. Tables that are opened later
        // know none yet.
        if let Ok(tables) = self.environment.tables() {
            tables.forget_activity(&text);
        }
        counts.activities.remove(&text);
        for offer in self.environment.activities.remove(&text) {
            if let Some(owner) = self.environment.shard(offer.key) {
                owner.report(Report::ActivityGone(offer));
            }
        }
        Ok(())
    }

    pub(crate) fn list_activities(&self, scope: &Account, page: &Page) -> Result<Paged<ActivityRecord>, Error> {
        let tables = self.environment.tables()?;
        let prefix = arn_prefix(scope, "activity");
        let records = tables.activities(&prefix, page.after.as_deref(), page.size.saturating_add(1))?;
        Ok(paged(records, page.size, |record| record.arn.clone()))
    }

    pub(crate) fn tags(&self, arn: &Arn) -> Result<Tags, Error> {
        let text = arn.to_string();
        let tables = self.environment.tables()?;
        if tables.state_machine(&text)?.is_none() && tables.activity(&text)?.is_none() {
            return Err(Error::ResourceNotFound(text.into()));
        }
        Ok(tables.tags(&text)?)
    }

    /// A tag of the same key gets the new value.
    pub(crate) async fn tag(&self, _: &Changing, arn: &Arn, tags: Tags) -> Result<(), Error> {
        let mut all = self.tags(arn)?;
        all.extend(tags);
        self.set_tags(arn, all).await
    }

    pub(crate) async fn untag(&self, _: &Changing, arn: &Arn, keys: &[String]) -> Result<(), Error> {
        let mut all = self.tags(arn)?;
        all.retain(|(key, _)| !keys.contains(key));
        self.set_tags(arn, all).await
    }

    async fn set_tags(&self, arn: &Arn, tags: Tags) -> Result<(), Error> {
        let mut writes = Writes::default();
        writes.tags(&arn.to_string(), &self.checked_tags(&arn.to_string(), tags)?);
        self.environment.commit(writes).await
    }

    /// One value per key, the last one given, where the key stood first.
    pub(crate) fn checked_tags(&self, arn: &str, tags: Tags) -> Result<Tags, Error> {
        let mut checked: Tags = Vec::new();
        for (key, value) in tags {
            match checked.iter_mut().find(|(earlier, _)| *earlier == key) {
                Some(earlier) => earlier.1 = value,
                None => checked.push((key, value)),
            }
        }
        if checked.len() > self.environment.options.limits.tags_per_resource_max {
            return Err(Error::TooManyTags(arn.into()));
        }
        Ok(checked)
    }
}
