//! The session table, as DynamoDB describes it.

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// `ACTIVE`, `UPDATING`, …
    pub(crate) status: String,
    /// Names of its key attributes: partition and sort.
    pub(crate) key: Vec<String>,
    /// The TTL attribute, if TTL is on.
    pub(crate) ttl: Option<String>,
    /// Whether point-in-time recovery is on.
    pub(crate) point_in_time_recovery: bool,
}

impl RegionalClients {
    /// A table by its name; `None` if there is none.
    pub(crate) async fn table(&self, name: &str) -> Result<Option<Table>, Error> {
        let table = match self.dynamodb.describe_table().table_name(name).send().await.map_err(Error::from) {
            Ok(answer) => answer.table,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(table) = table else { return Ok(None) };
        let ttl = self.dynamodb.describe_time_to_live().table_name(name).send().await?;
        let backups = self.dynamodb.describe_continuous_backups().table_name(name).send().await?;
        let ttl = ttl.time_to_live_description.filter(|ttl| {
            // Enabled or enabling.
            ttl.time_to_live_status().is_some_and(|status| status.as_str().starts_with("ENABL"))
        });
        let recovery =
            backups.continuous_backups_description.and_then(|all| all.point_in_time_recovery_description);
        let on = recovery
            .and_then(|all| all.point_in_time_recovery_status)
            .is_some_and(|s| s.as_str() == "ENABLED");
        Ok(Some(Table {
            status: table.table_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            key: table.key_schema().iter().map(|key| key.attribute_name.clone()).collect(),
            ttl: ttl.and_then(|ttl| ttl.attribute_name),
            point_in_time_recovery: on,
        }))
    }
}
