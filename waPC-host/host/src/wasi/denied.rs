//! Denies files, sockets, waiting and signals: these functions always answer with an error number.

use wapc_engine::{Imports, Parameters};

use super::errno::{BADF, NOSYS};
use crate::exchange::Exchange;

/// A guest has no files and no sockets, so each of their descriptors is a bad one; the rest is not there.
pub(super) fn offer(imports: Imports<Exchange>, module: &str) -> Imports<Exchange> {
    let imports = offer_descriptors(Offer { imports, module });
    let imports = offer_paths(Offer { imports, module });
    offer_others(Offer { imports, module })
}

struct Offer<'a> {
    imports: Imports<Exchange>,
    module: &'a str,
}

impl Offer<'_> {
    fn denied<P: Parameters>(self, name: &str, errno: u32) -> Self {
        let imports = self.imports.function(self.module, name, move |_, _: P| Ok(errno));
        Self { imports, ..self }
    }
}

fn offer_descriptors(offer: Offer<'_>) -> Imports<Exchange> {
    offer
        .denied::<[u32; 2]>("fd_prestat_get", BADF)
        .denied::<[u32; 3]>("fd_prestat_dir_name", BADF)
        .denied::<(u32, u64, u64, u32)>("fd_advise", BADF)
        .denied::<(u32, u64, u64)>("fd_allocate", BADF)
        .denied::<[u32; 1]>("fd_datasync", BADF)
        .denied::<[u32; 1]>("fd_sync", BADF)
        .denied::<[u32; 2]>("fd_fdstat_set_flags", BADF)
        .denied::<(u32, u64, u64)>("fd_fdstat_set_rights", BADF)
        .denied::<[u32; 2]>("fd_filestat_get", BADF)
        .denied::<(u32, u64)>("fd_filestat_set_size", BADF)
        .denied::<(u32, u64, u64, u32)>("fd_filestat_set_times", BADF)
        .denied::<(u32, u32, u32, u64, u32)>("fd_pread", BADF)
        .denied::<(u32, u32, u32, u64, u32)>("fd_pwrite", BADF)
        .denied::<(u32, u32, u32, u64, u32)>("fd_readdir", BADF)
        .denied::<[u32; 2]>("fd_renumber", BADF)
        .imports
}

fn offer_paths(offer: Offer<'_>) -> Imports<Exchange> {
    offer
        .denied::<(u32, u32, u32, u32, u32, u64, u64, u32, u32)>("path_open", BADF)
        .denied::<[u32; 3]>("path_create_directory", BADF)
        .denied::<[u32; 5]>("path_filestat_get", BADF)
        .denied::<(u32, u32, u32, u32, u64, u64, u32)>("path_filestat_set_times", BADF)
        .denied::<[u32; 7]>("path_link", BADF)
        .denied::<[u32; 6]>("path_readlink", BADF)
        .denied::<[u32; 3]>("path_remove_directory", BADF)
        .denied::<[u32; 6]>("path_rename", BADF)
        .denied::<[u32; 5]>("path_symlink", BADF)
        .denied::<[u32; 3]>("path_unlink_file", BADF)
        .imports
}

fn offer_others(offer: Offer<'_>) -> Imports<Exchange> {
    offer
        .denied::<[u32; 4]>("poll_oneoff", NOSYS)
        .denied::<[u32; 1]>("proc_raise", NOSYS)
        .denied::<[u32; 3]>("sock_accept", BADF)
        .denied::<[u32; 6]>("sock_recv", BADF)
        .denied::<[u32; 5]>("sock_send", BADF)
        .denied::<[u32; 2]>("sock_shutdown", BADF)
        .imports
}
