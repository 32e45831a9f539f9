// SPDX-License-Identifier: Apache-2.0
//! A canister in Rust with the std library: boxed trait objects, function pointers, a hash map of strings and
//! thread-local statics in the heap, panics with locations in .rodata. `--cfg` names of pairs.json make the
//! other half of the pairs. Panics and statics are where rustc puts them; nothing is pinned by hand.
use std::cell::RefCell;
use std::collections::HashMap;

#[link(wasm_import_module = "ic0")]
extern "C" {
    fn msg_arg_data_size() -> u32;
    fn msg_arg_data_copy(to: *mut u8, offset: u32, size: u32);
    fn msg_reply_data_append(from: *const u8, size: u32);
    fn msg_reply();
    fn stable64_size() -> u64;
    fn stable64_grow(pages: u64) -> u64;
    fn stable64_write(offset: u64, from: u64, size: u64);
    #[cfg(hook_calls_clock)]
    fn time() -> u64;
}

trait Shape {
    fn area(&self) -> u32;
    fn name(&self) -> &'static str;
}

struct Square {
    side: u32,
    #[cfg(field_added)]
    colour: u32,
}
struct Oblong(u32, u32);
#[cfg(trait_added)]
struct Triangle(u32, u32);

impl Shape for Square {
    fn area(&self) -> u32 {
        #[cfg(field_added)]
        return self.side * self.side + self.colour;
        #[cfg(not(field_added))]
        return self.side * self.side;
    }
    fn name(&self) -> &'static str {
        "square"
    }
}
impl Shape for Oblong {
    fn area(&self) -> u32 {
        self.0 * self.1
    }
    fn name(&self) -> &'static str {
        "oblong"
    }
}
#[cfg(trait_added)]
impl Shape for Triangle {
    fn area(&self) -> u32 {
        self.0 * self.1 / 2
    }
    fn name(&self) -> &'static str {
        "triangle"
    }
}

type Rule = fn(u32) -> u32;
fn double(n: u32) -> u32 {
    n * 2
}
fn square(n: u32) -> u32 {
    n * n
}
#[cfg(function_pointer_added)]
fn cube(n: u32) -> u32 {
    n * n * n
}

thread_local! {
    static SHAPES: RefCell<Vec<Box<dyn Shape>>> = RefCell::new(Vec::new());
    static NOTES: RefCell<HashMap<u64, String>> = RefCell::new(HashMap::new());
    static RULES: RefCell<Vec<Rule>> = RefCell::new(vec![double as Rule, square]);
}
#[cfg(static_added)]
static mut CALLS: [u32; 16] = [0; 16];

// An allocator that never frees, in place of the standard library's.
#[cfg(bump_allocator)]
struct Bump;
#[cfg(bump_allocator)]
static mut BUMP_TOP: usize = 0;
#[cfg(bump_allocator)]
unsafe impl std::alloc::GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        if BUMP_TOP == 0 {
            BUMP_TOP = core::arch::wasm32::memory_size(0) << 16;
        }
        let block = (BUMP_TOP + layout.align() - 1) & !(layout.align() - 1);
        BUMP_TOP = block + layout.size();
        while BUMP_TOP > core::arch::wasm32::memory_size(0) << 16 {
            core::arch::wasm32::memory_grow(0, 1);
        }
        block as *mut u8
    }
    unsafe fn dealloc(&self, _block: *mut u8, _layout: std::alloc::Layout) {}
}
#[cfg(bump_allocator)]
#[global_allocator]
static ALLOCATOR: Bump = Bump;

fn argument() -> Vec<u8> {
    unsafe {
        let mut bytes = vec![0; msg_arg_data_size() as usize];
        msg_arg_data_copy(bytes.as_mut_ptr(), 0, bytes.len() as u32);
        bytes
    }
}

fn number(bytes: &[u8], index: usize) -> u32 {
    u32::from_le_bytes(bytes[index * 4..index * 4 + 4].try_into().expect("four bytes"))
}

fn reply(bytes: &[u8]) {
    unsafe {
        msg_reply_data_append(bytes.as_ptr(), bytes.len() as u32);
        msg_reply();
    }
}

#[export_name = "canister_update add_shape"]
pub extern "C" fn add_shape() {
    let bytes = argument();
    let (a, b) = (number(&bytes, 0), number(&bytes, 1));
    #[cfg(static_added)]
    unsafe {
        CALLS[a as usize & 15] += 1;
    }
    let shape: Box<dyn Shape> = if a == b {
        Box::new(Square {
            side: a,
            #[cfg(field_added)]
            colour: b,
        })
    } else {
        #[cfg(trait_added)]
        if a > 1000 {
            SHAPES.with(|shapes| shapes.borrow_mut().push(Box::new(Triangle(a, b))));
            return reply(b"triangle");
        }
        Box::new(Oblong(a, b))
    };
    SHAPES.with(|shapes| shapes.borrow_mut().push(shape));
    #[cfg(function_pointer_added)]
    RULES.with(|rules| rules.borrow_mut().push(cube));
    reply(b"done");
}

#[export_name = "canister_query areas"]
pub extern "C" fn areas() {
    let sum: u32 = SHAPES.with(|shapes| {
        RULES.with(|rules| {
            let rules = rules.borrow();
            shapes.borrow().iter().enumerate().map(|(i, shape)| rules[i % rules.len()](shape.area())).sum()
        })
    });
    #[cfg(number_changed)]
    let sum = sum ^ 77;
    reply(&sum.to_le_bytes());
}

#[export_name = "canister_query names"]
pub extern "C" fn names() {
    let all: Vec<&str> = SHAPES.with(|shapes| shapes.borrow().iter().map(|shape| shape.name()).collect());
    reply(all.join(" ").as_bytes());
}

#[export_name = "canister_update note"]
pub extern "C" fn note() {
    let bytes = argument();
    let key = number(&bytes, 0) as u64;
    let text = String::from_utf8_lossy(&bytes[4..]).into_owned();
    NOTES.with(|notes| notes.borrow_mut().insert(key, text));
    #[cfg(literal_same)]
    reply(b"the note is held");
    #[cfg(literal_longer)]
    reply(b"the note has been kept, as all notes are");
    #[cfg(not(any(literal_same, literal_longer)))]
    reply(b"the note is kept");
}

#[export_name = "canister_query read"]
pub extern "C" fn read() {
    let key = number(&argument(), 0) as u64;
    NOTES.with(|notes| match notes.borrow().get(&key) {
        Some(text) => reply(text.as_bytes()),
        #[cfg(panic_added)]
        None if key > 1_000_000 => panic!("no note can have this number"),
        None => reply(b""),
    });
}

#[cfg(method_added)]
#[export_name = "canister_query shapes"]
pub extern "C" fn shapes() {
    let count = SHAPES.try_with(|shapes| shapes.try_borrow().map_or(0, |shapes| shapes.len() as u32));
    reply(&count.unwrap_or(0).to_le_bytes());
}

#[cfg(method_that_panics_added)]
#[export_name = "canister_query shapes"]
pub extern "C" fn shapes() {
    let count = SHAPES.with(|shapes| shapes.borrow().len() as u32);
    reply(&count.to_le_bytes());
}

#[export_name = "canister_pre_upgrade"]
pub extern "C" fn pre_upgrade() {
    #[cfg(hook_calls_clock)]
    unsafe {
        time();
    }
    let mut bytes = Vec::new();
    NOTES.with(|notes| {
        let notes = notes.borrow();
        let mut keys: Vec<_> = notes.keys().collect();
        keys.sort();
        for key in keys {
            bytes.extend(key.to_le_bytes());
            bytes.extend((notes[key].len() as u32).to_le_bytes());
            bytes.extend(notes[key].as_bytes());
        }
    });
    unsafe {
        let pages = (bytes.len() as u64 + 65535) / 65536;
        if stable64_size() < pages {
            stable64_grow(pages);
        }
        stable64_write(0, bytes.as_ptr() as u64, bytes.len() as u64);
    }
}
