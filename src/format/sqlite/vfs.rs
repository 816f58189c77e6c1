//! A virtual file system through which SQLite can read exactly one image, and write nothing.
//!
//! Evidence has no path: it lies in archives, behind decryption, in memory. SQLite's own file layer would want paths, take locks
//! and create `-shm` and journals beside them. This one knows a single name, answers reads from an [`Image`], and refuses the rest.
//! It is the only unsafe code of the crate, since SQLite's interface is C; everything that decides anything lives in `image`.
#![allow(unsafe_code, reason = "SQLite's file layer and progress handler are C interfaces")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, ffi};

use super::image::{Image, ReadError};

/// The one name that can be opened.
const NAME: &CStr = c"image";
/// SQLite instructions between two looks at the clock: some tens of microseconds.
const INSTRUCTIONS: c_int = 4000;

/// What the callbacks point to.
struct State<'a> {
    image: Option<Image<'a>>,
    watch: Watch,
}

/// What a running statement shares with its callbacks.
pub(super) struct Watch {
    started: Instant,
    /// Milliseconds after `started` when a running statement is stopped.
    deadline_ms: AtomicU64,
    /// Why the last read failed, which SQLite's error code cannot say.
    failure: Mutex<Option<String>>,
}

impl Watch {
    /// Gives the next statement this long.
    pub fn allow(&self, limit: Duration) {
        let deadline = self.started.elapsed().saturating_add(limit).as_millis();
        self.deadline_ms.store(u64::try_from(deadline).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Why the last read of evidence failed, once.
    pub fn take_failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection together with what its callbacks point to.
pub(super) struct Mount<'a> {
    // Dropped first: closing the connection ends every call into `host`.
    connection: Connection,
    host: Host<'a>,
}

impl<'a> Mount<'a> {
    /// Opens `image` read-only.
    pub fn open(image: Image<'a>) -> rusqlite::Result<Mount<'a>> {
        let host = Host::register(image)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags_and_vfs("image", flags, host.name.as_c_str())?;
        Ok(Mount::watched(connection, host))
    }

    /// The same interface for a database that was built in memory.
    pub fn memory(connection: Connection) -> Mount<'static> {
        Mount::watched(connection, Host::bare(None))
    }

    fn watched(connection: Connection, host: Host<'a>) -> Mount<'a> {
        // SAFETY: the handle is open. `state` stays allocated until `host` is dropped, which is after the connection
        // (field order), and the handler only reads it.
        unsafe {
            ffi::sqlite3_progress_handler(
                connection.handle(),
                INSTRUCTIONS,
                Some(progress),
                host.state.cast(),
            );
        }
        Mount { connection, host }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    pub fn watch(&self) -> &Watch {
        &self.host.state().watch
    }
}

/// A registered file system and its state; unregistered and freed when dropped.
struct Host<'a> {
    state: *mut State<'a>,
    /// Null when nothing is registered.
    vfs: *mut ffi::sqlite3_vfs,
    name: CString,
    owns: PhantomData<State<'a>>,
}

// SAFETY: everything behind the pointers is owned by this value and `Send` itself (readers are, by their trait; the rest are
// atomics and mutexes); the `sqlite3_vfs` is only touched by SQLite under its own mutex.
unsafe impl Send for Host<'_> {}

impl<'a> Host<'a> {
    fn bare(image: Option<Image<'a>>) -> Host<'a> {
        let watch = Watch {
            started: Instant::now(),
            deadline_ms: AtomicU64::new(u64::MAX),
            failure: Mutex::new(None),
        };
        let state = State { image, watch };
        Host {
            state: Box::into_raw(Box::new(state)),
            vfs: ptr::null_mut(),
            name: CString::default(),
            owns: PhantomData,
        }
    }

    fn register(image: Image<'a>) -> rusqlite::Result<Host<'a>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut host = Host::bare(Some(image));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        host.name = CString::new(format!("hoofprint-{number}")).expect("a number has no NUL in it");
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<OpenFile>() as c_int,
            mxPathname: 64,
            pNext: ptr::null_mut(),
            zName: host.name.as_ptr(),
            pAppData: host.state.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path_name),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: `vfs` is a complete structure that stays at its address until `drop` has unregistered it, as does the name.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        if code != ffi::SQLITE_OK {
            // SAFETY: it was not registered, so this is the only pointer to it.
            drop(unsafe { Box::from_raw(vfs) });
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        }
        host.vfs = vfs;
        Ok(host)
    }

    fn state(&self) -> &State<'a> {
        // SAFETY: allocated in `bare`, freed only in `drop`, and never borrowed mutably in between.
        unsafe { &*self.state }
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        if !self.vfs.is_null() {
            // SAFETY: registered once in `register`; every connection that used it is closed, so after unregistering it is ours.
            unsafe {
                ffi::sqlite3_vfs_unregister(self.vfs);
                drop(Box::from_raw(self.vfs));
            }
        }
        // SAFETY: allocated in `bare`; the connection whose callbacks read it is closed.
        drop(unsafe { Box::from_raw(self.state) });
    }
}

/// SQLite's handle of the open image; it allocates `szOsFile` bytes for it.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    state: *const State<'static>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 1 has neither shared memory nor memory mapping: both are impossible, not merely switched off.
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the registered `vfs`, `szOsFile` bytes at `file`, a NUL-terminated name or null, and a place for
    // the flags or null. A file whose methods are null is not closed.
    unsafe {
        (*file).pMethods = ptr::null();
        if name.is_null() || CStr::from_ptr(name) != NAME || flags & ffi::SQLITE_OPEN_MAIN_DB == 0 {
            return ffi::SQLITE_CANTOPEN;
        }
        let file = file.cast::<OpenFile>();
        (*file).state = (*vfs).pAppData.cast_const().cast();
        (*file).base.pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = ffi::SQLITE_OPEN_READONLY;
        }
    }
    ffi::SQLITE_OK
}

/// The state of an open file.
///
/// # Safety
/// `file` was filled by `open`, and its connection is not closed yet.
unsafe fn state<'s>(file: *mut ffi::sqlite3_file) -> &'s State<'static> {
    // SAFETY: `open` stored the pointer of a `State` that outlives the connection. Its true lifetime is at least that long, and
    // the callers give nothing borrowed from it back to SQLite.
    unsafe { &*(*file.cast::<OpenFile>()).state }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    target: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(amount), Ok(offset)) = (usize::try_from(amount), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: SQLite reads from a file that `open` filled, into `amount` bytes at `target`; zeroed, so that they are initialised.
    let (state, target) = unsafe {
        ptr::write_bytes(target.cast::<u8>(), 0, amount);
        (state(file), std::slice::from_raw_parts_mut(target.cast::<u8>(), amount))
    };
    // A panic must not cross into C: the reader behind the image is not ours.
    let (code, failure) =
        match catch_unwind(AssertUnwindSafe(|| Some(state.image.as_ref()?.read(offset, target)))) {
            Ok(Some(Ok(count))) if count == amount => return ffi::SQLITE_OK,
            Ok(Some(Ok(_))) => return ffi::SQLITE_IOERR_SHORT_READ,
            Ok(Some(Err(ReadError::Source(error)))) => (ffi::SQLITE_IOERR_READ, error.to_string()),
            Ok(Some(Err(ReadError::Missing { page }))) => {
                (ffi::SQLITE_CORRUPT, format!("page {page} lies beyond the end of the file"))
            }
            Ok(None) => (ffi::SQLITE_IOERR_READ, "nothing is mounted".into()),
            Err(_) => (ffi::SQLITE_IOERR_READ, "the reader of this file panicked".into()),
        };
    *state.watch.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    code
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: a file that `open` filled, and a place for the result.
    unsafe {
        let bytes = state(file).image.as_ref().map_or(0, Image::size);
        *size = ffi::sqlite3_int64::try_from(bytes).unwrap_or(ffi::sqlite3_int64::MAX);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn write(
    _: *mut ffi::sqlite3_file,
    _: *const c_void,
    _: c_int,
    _: ffi::sqlite3_int64,
) -> c_int {
    ffi::SQLITE_READONLY
}

unsafe extern "C" fn truncate(_: *mut ffi::sqlite3_file, _: ffi::sqlite3_int64) -> c_int {
    ffi::SQLITE_READONLY
}

unsafe extern "C" fn sync(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_: *mut ffi::sqlite3_file, held: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a place for the result.
    unsafe { *held = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    // Immutable: SQLite takes no lock, looks for no journal and never re-reads the header.
    ffi::SQLITE_IOCAP_IMMUTABLE
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_READONLY
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes a place for the result. No journal and no log ever exists here.
    unsafe { *found = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path_name(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    capacity: c_int,
    target: *mut c_char,
) -> c_int {
    // SAFETY: `name` is NUL-terminated and `target` has room for `capacity` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if usize::try_from(capacity).is_ok_and(|capacity| bytes.len() <= capacity) {
            ptr::copy_nonoverlapping(bytes.as_ptr().cast(), target, bytes.len());
            return ffi::SQLITE_OK;
        }
    }
    ffi::SQLITE_CANTOPEN
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, target: *mut c_char) -> c_int {
    // SAFETY: `target` has room for `count` bytes. Nothing is written, so nothing needs a random name or salt.
    unsafe { ptr::write_bytes(target, 0, usize::try_from(count).unwrap_or(0)) };
    count
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, _: c_int) -> c_int {
    0
}

/// There is no "now" in evidence: SQL that asks for it gets nothing, so that the same input gives the same output.
unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, _: *mut f64) -> c_int {
    ffi::SQLITE_ERROR
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

unsafe extern "C" fn progress(state: *mut c_void) -> c_int {
    // SAFETY: the pointer given with the handler, a `State` that outlives the connection; only shared fields are read.
    let watch = unsafe { &(*state.cast_const().cast::<State<'static>>()).watch };
    let elapsed = u64::try_from(watch.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    c_int::from(elapsed > watch.deadline_ms.load(Ordering::Relaxed))
}
