//! Suggests names that the writer of an unknown name may have meant.

/// The number of characters that are compared; of a longer name only this beginning counts.
const COMPARED: usize = 100;

/// The names in `known` that are most similar to `name`, the nearest first, at most five.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let asked = beginning(name);
    let mut near: Vec<(usize, &str)> = known
        .map(|known| {
            let lower = beginning(known);
            let part = !asked.is_empty() && !lower.is_empty() && (lower.contains(&asked) || asked.contains(&lower));
            (if part { 0 } else { distance(&asked, &lower) }, known)
        })
        .collect();
    near.sort_unstable();
    near.truncate(5);
    near.into_iter().map(|(_, known)| known).collect()
}

fn beginning(name: &str) -> String {
    name.chars().take(COMPARED).flat_map(char::to_lowercase).collect()
}

/// The number of characters to insert, delete or replace to turn one text into the other (edit distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, character) in from.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = before + usize::from(character != *other);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("same", "same")], [3, 3, 0]);
    }

    #[test]
    fn near_names_come_first() {
        let known = ["carol", "alice", "Alice 2", "bob"];
        assert_eq!(nearest("alcie", known.into_iter())[0], "alice");
        assert_eq!(nearest("ALICE", known.into_iter())[..2], ["Alice 2", "alice"]);
        assert_eq!(nearest("", known.into_iter()).len(), 4);
    }
}
