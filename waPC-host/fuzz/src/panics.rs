//! Ends the program on panics, as on findings, also on those that the host would turn into errors; all but the expected ones.

use std::{cell::Cell, panic, process, sync::Once};

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// From now on every panic is a finding but those whose text begins with `expected`. To be called before anything else.
///
/// The fuzzer's own hook ends the program at every panic, so that it has to be replaced.
pub fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let told = info.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("expected"));
            if !EXPECTED.get() && !told {
                eprintln!("{info}\n{}", std::backtrace::Backtrace::force_capture());
                process::abort();
            }
        }));
    });
}

/// Does what may panic on this thread.
pub fn expecting_panics<T>(act: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            EXPECTED.set(self.0);
        }
    }
    let _back = Back(EXPECTED.replace(true));
    act()
}
