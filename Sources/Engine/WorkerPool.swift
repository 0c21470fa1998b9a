import Glibc
import Kernels
import Programs
import Synchronization

/// One step of an executable: `tiles` independent pieces of work. Which thread runs which tile never shows in the result.
package struct Instruction {
    /// What runs, for the trace of a profile.
    package let name: String
    /// How many tiles there are for this run.
    package let tiles: (RunContext) -> Int
    /// Runs one tile; `scratch` is the calling thread's own, of ``WorkerPool/scratchBytes``.
    package let run: (RunContext, _ tile: Int, _ scratch: UnsafeMutableRawPointer) -> Void
}

/// The cores, working through one list of instructions at a time.
///
/// Every thread walks the whole list; tiles of an instruction are taken from a counter, and nobody begins the next
/// instruction before all tiles of this one are done. A thread that the system has put aside holds up nobody unless it
/// has a tile in hand: the others go on, and it catches up. Between instructions threads spin for a moment (they are
/// microseconds apart), then let others run; between runs they sleep.
package final class WorkerPool: @unchecked Sendable {
    package static let scratchBytes = 1 << 20

    private let crew: Crew
    /// How many work, the calling one included.
    package var threads: Int { crew.threads }

    /// - Parameter threads: at least 1; the calling thread is one of them. Where the system refuses to start so many, those
    ///   that it did start work alone.
    package init(threads: Int) { crew = Crew(threads: threads) }

    /// The threads hold what they work on, and end with this object.
    deinit { crew.close() }

    /// Runs the instructions in their order and returns when the last is done.
    package func run(_ instructions: [Instruction], _ context: RunContext) { crew.run(instructions, context) }

    /// Runs `body` for consecutive pieces of 0..<`count`, of `size` elements at most. A single piece wakes nobody.
    package func run(over count: Int, inPiecesOf size: Int, _ body: @escaping (Range<Int>) -> Void) {
        let pieces = (count + size - 1) / size
        guard pieces > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        let instruction = Instruction(name: "pieces", tiles: { _ in pieces }) { _, piece, _ in
            body(piece * size..<Swift.min(count, (piece + 1) * size))
        }
        run([instruction], RunContext(sizes: Sizes(tokens: 0, rows: 0, targets: 0)))
    }
}

/// What the threads of a pool share.
private final class Crew: @unchecked Sendable {
    private(set) var threads = 1
    private var instructions: [Instruction] = []
    private var context: RunContext?
    private var taken = AtomicCounters(0)
    private var done = AtomicCounters(0)
    private var scratch: [UnsafeMutableRawPointer] = []
    private let finished = Atomic<Int>(0)
    private var generation = 0
    private var isClosed = false
    private var mutex = pthread_mutex_t()
    private var wake = pthread_cond_t()

    init(threads: Int) {
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&wake, nil)
        let bytes = Swift.max(WorkerPool.scratchBytes, ph_linear_scratch_bytes())
        scratch.append(.allocate(byteCount: bytes, alignment: 64))
        for index in 1..<Swift.max(threads, 1) {
            var thread = pthread_t()
            let start = Unmanaged.passRetained(WorkerStart(crew: self, index: index))
            let failure = pthread_create(
                &thread, nil,
                { raw in
                    let start = Unmanaged<WorkerStart>.fromOpaque(raw!).takeRetainedValue()
                    start.crew.work(start.index)
                    return nil
                }, start.toOpaque())
            guard failure == 0 else {
                start.release()
                return
            }
            pthread_detach(thread)
            scratch.append(.allocate(byteCount: bytes, alignment: 64))
            self.threads += 1
        }
    }

    deinit {
        for memory in scratch { memory.deallocate() }
        pthread_cond_destroy(&wake)
        pthread_mutex_destroy(&mutex)
    }

    /// Lets the threads end.
    func close() {
        pthread_mutex_lock(&mutex)
        isClosed = true
        pthread_cond_broadcast(&wake)
        pthread_mutex_unlock(&mutex)
    }

    func run(_ instructions: [Instruction], _ context: RunContext) {
        guard !instructions.isEmpty else { return }
        if taken.count < instructions.count {
            taken = AtomicCounters(instructions.count)
            done = AtomicCounters(instructions.count)
        } else {
            taken.reset(instructions.count)
            done.reset(instructions.count)
        }
        self.instructions = instructions
        self.context = context
        finished.store(0, ordering: .releasing)
        if threads > 1 {
            pthread_mutex_lock(&mutex)
            generation += 1
            pthread_cond_broadcast(&wake)
            pthread_mutex_unlock(&mutex)
        }
        walk(0)
        waitUntil { finished.load(ordering: .acquiring) >= threads }
        self.context = nil
    }

    private func work(_ index: Int) {
        var seen = 0
        while true {
            pthread_mutex_lock(&mutex)
            while generation == seen && !isClosed { pthread_cond_wait(&wake, &mutex) }
            let ends = isClosed
            seen = generation
            pthread_mutex_unlock(&mutex)
            if ends { return }
            walk(index)
        }
    }

    private func walk(_ thread: Int) {
        let context = self.context!
        let scratch = self.scratch[thread]
        instructions.withUnsafeBufferPointer { instructions in
            for index in instructions.indices {
                let tiles = instructions[index].tiles(context)
                var ran = 0
                while true {
                    let tile = taken.next(index)
                    if tile >= tiles { break }
                    instructions[index].run(context, tile, scratch)
                    ran += 1
                }
                if threads > 1 { done.add(ran, to: index, waitingFor: tiles) }
            }
        }
        finished.add(1, ordering: .releasing)
    }
}

private final class WorkerStart {
    let crew: Crew
    let index: Int
    init(crew: Crew, index: Int) {
        self.crew = crew
        self.index = index
    }
}

/// A row of atomic counters.
private final class AtomicCounters {
    let count: Int
    private let values: UnsafeMutablePointer<Atomic<Int>>

    init(_ count: Int) {
        self.count = count
        values = .allocate(capacity: Swift.max(count, 1))
        for index in 0..<count { (values + index).initialize(to: Atomic(0)) }
    }

    deinit {
        values.deinitialize(count: count)
        values.deallocate()
    }

    func reset(_ count: Int) {
        for index in 0..<count { values[index].store(0, ordering: .relaxed) }
    }

    func next(_ index: Int) -> Int { values[index].add(1, ordering: .relaxed).oldValue }

    /// Waits until all threads together have added `total`.
    func add(_ count: Int, to index: Int, waitingFor total: Int) {
        if count > 0 { values[index].add(count, ordering: .acquiringAndReleasing) }
        waitUntil { values[index].load(ordering: .acquiring) >= total }
    }
}

/// Spins for some microseconds; after that, whoever holds us up may need this core.
private func waitUntil(_ condition: () -> Bool) {
    var spins = 0
    while !condition() {
        ph_pause()
        spins += 1
        if spins > 500 { sched_yield() }
    }
}
