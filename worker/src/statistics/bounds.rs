//! Keeps an answer small enough for one message: what is largest loses its details first.

use prost::Message as _;
use tavana_wire::statistics::RelationStatistics;

/// Bytes of an answer; clients and gateways take messages of 4 MiB.
const ANSWER_BYTES: usize = 4 * 1024 * 1024 - 64 * 1024;

/// Leaves out row groups, then the columns of files, then files, of the largest relation each time, until all fit.
pub(super) fn fit(relations: &mut [RelationStatistics]) {
    fit_into(relations, ANSWER_BYTES);
}

fn fit_into(relations: &mut [RelationStatistics], limit: usize) {
    let mut sizes: Vec<usize> = relations.iter().map(|relation| relation.encoded_len()).collect();
    // Each relation loses at most its three details.
    for _ in 0..relations.len() * 3 {
        if sizes.iter().sum::<usize>() <= limit {
            return;
        }
        let largest = (0..sizes.len()).filter(|&at| !relations[at].files.is_empty()).max_by_key(|&at| sizes[at]);
        let Some(at) = largest else { return };
        reduce(&mut relations[at]);
        sizes[at] = relations[at].encoded_len();
    }
}

fn reduce(relation: &mut RelationStatistics) {
    let left_out = if relation.files.iter().any(|file| !file.row_groups.is_empty()) {
        relation.files.iter_mut().for_each(|file| file.row_groups.clear());
        "single row groups are left out"
    } else if relation.files.iter().any(|file| !file.columns.is_empty()) {
        relation.files.iter_mut().for_each(|file| file.columns.clear());
        "the columns of single files are left out"
    } else {
        relation.files.clear();
        "single files are left out"
    };
    relation.because.push(format!("{left_out}: the answer would be too large"));
}

#[cfg(test)]
mod tests {
    use tavana_wire::statistics::{ColumnStatistics, FileStatistics, RowGroupStatistics};

    use super::*;

    #[test]
    fn details_go_before_totals_and_the_largest_first() {
        let column = ColumnStatistics { name: "c".repeat(100), ..ColumnStatistics::default() };
        let group = RowGroupStatistics { rows: 1, columns: vec![column.clone()] };
        let file = FileStatistics {
            name: "f".repeat(10),
            columns: vec![column],
            row_groups: vec![group; 10],
            ..FileStatistics::default()
        };
        let relation = |files| RelationStatistics {
            files: vec![file.clone(); files],
            file_count: files as u64,
            rows: Some(7),
            ..RelationStatistics::default()
        };
        let check = |limit: usize, expected: [(usize, usize, usize); 2]| {
            let mut relations = [relation(10), relation(1)];
            fit_into(&mut relations, limit);
            let found = relations.each_ref().map(|relation| {
                let first = relation.files.first();
                let details = first.map_or((0, 0), |file| (file.row_groups.len(), file.columns.len()));
                (relation.files.len(), details.0, details.1)
            });
            assert_eq!(found, expected, "{limit}");
            assert!(relations.iter().map(|relation| relation.encoded_len()).sum::<usize>() <= limit, "{limit}");
            assert_eq!((relations[0].file_count, relations[0].rows), (10, Some(7)));
        };
        check(100_000, [(10, 10, 1), (1, 10, 1)]);
        check(4_000, [(10, 0, 1), (1, 10, 1)]);
        check(2_000, [(10, 0, 0), (1, 10, 1)]);
        check(700, [(10, 0, 0), (1, 0, 1)]);
        check(400, [(0, 0, 0), (1, 0, 1)]);
    }
}
