//! What lies where on an iPhone. Paths, tables, columns and epochs are stated in each file.

crate::artifact::artifacts! {
    calls
}
