//! Fields of the records that a record refers to: `owner.email` in a filter. Each is an expression that looks the other
//! record up; where there is none, it is absent.

use types::TableId;

use super::{SYSTEM_KINDS, Shape, kind_of};
use crate::tables::{self, Name, TableField};
use crate::{Field, Read, StoreError, Tx};

/// A table that a field refers to.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) table: TableId,
    pub(super) fields: Vec<TableField>,
    /// Its fields as a query names them.
    pub(super) known: Vec<Field>,
}

impl Shape {
    /// Lets queries compare the fields of the records that are referred to, as far as the text of `q` names them.
    pub async fn reach(mut self, read: &impl Read, q: Option<&str>) -> Result<Self, StoreError> {
        let named: Vec<(TableField, TableId)> = self.named(q).collect();
        for (field, table) in named {
            let fields = tables::fields(read, self.table.workspace_id, table).await?;
            let reached = self.reached(&field, table, fields);
            self.reached.push(reached);
        }
        Ok(self)
    }

    /// The same for a writer: also the other tables stay as they are until the transaction has ended.
    pub async fn reach_to_use(self, tx: &Tx<'_>, q: Option<&str>) -> Result<Self, StoreError> {
        for (field, _) in self.named(q) {
            if let Some(target) = &field.attributes.table_reference {
                tables::get_to_use(tx, self.table.workspace_id, &target.table_name).await?;
            }
        }
        self.reach(tx, q).await
    }

    /// The references in whose records the text names a field, and where they lead.
    fn named(&self, q: Option<&str>) -> impl Iterator<Item = (TableField, TableId)> {
        let text = q.unwrap_or_default();
        let is_named = |field: &TableField| text.contains(&format!("\"{}.", field.name));
        self.fields.iter().filter_map(move |field| {
            let table = field.reference_table_id?;
            is_named(field).then(|| (field.clone(), table))
        })
    }

    fn reached(&self, through: &TableField, table: TableId, fields: Vec<TableField>) -> Reached {
        let (records, column) = (self.records(), Name::Column(through.column_number));
        let looked_up = |other: &str| {
            format!("(SELECT r.{other} FROM {} AS r WHERE r.id = {records}.{column})", Name::Records(table))
        };
        let system = SYSTEM_KINDS.iter().map(|(name, kind)| (*name, looked_up(name), *kind));
        let made = fields.iter().map(|field| {
            let column = Name::Column(field.column_number).to_string();
            (field.name.as_str(), looked_up(&column), kind_of(field.field_type))
        });
        let known = system.chain(made);
        let known =
            known.map(|(name, column, kind)| Field::made(format!("{}.{name}", through.name), column, kind));
        Reached { table, known: known.collect(), fields }
    }
}
