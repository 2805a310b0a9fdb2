//! How many there are of something in each account and Region, for the limits that AWS sets for those.

use std::collections::HashMap;

/// Counts by account and Region.
#[derive(Default)]
pub(crate) struct PerScope(HashMap<Box<str>, u64>);

impl PerScope {
    /// How many there are where the resource of this ARN is.
    pub(crate) fn count(&self, arn: &str) -> u64 {
        self.0.get(scope(arn)).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, arn: &str) {
        match self.0.get_mut(scope(arn)) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(scope(arn).into(), 1);
            }
        }
    }

    /// What was not counted is no error: the counts of open executions begin anew when the store is opened again.
    pub(crate) fn remove(&mut self, arn: &str) {
        if let Some(count) = self.0.get_mut(scope(arn)) {
            *count = count.saturating_sub(1);
        }
    }
}

impl<'a> FromIterator<&'a str> for PerScope {
    fn from_iter<T: IntoIterator<Item = &'a str>>(arns: T) -> PerScope {
        let mut counts = PerScope::default();
        arns.into_iter().for_each(|arn| counts.add(arn));
        counts
    }
}

/// Partition, service, Region and account: what comes before the fifth colon.
pub(crate) fn scope(arn: &str) -> &str {
    let end = arn.match_indices(':').nth(4).map_or(arn.len(), |(at, _)| at);
    arn.split_at(end).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_regions_are_counted_apart() {
        let arn = |region, account, name| format!("arn:aws:states:{region}:{account}:execution:{name}");
        let mut counts = PerScope::default();
        for (region, account) in [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1")] {
            counts.add(&arn(region, account, "m:e"));
        }
        counts.remove(&arn("b", "1", "m:other"));
        counts.remove(&arn("b", "1", "m:other"));
        let of = |region, account| counts.count(&arn(region, account, "n"));
        assert_eq!((of("a", "1"), of("a", "2"), of("b", "1"), of("b", "2")), (2, 1, 0, 0));
    }
}
