import Engine
import Glibc
import Programs
import Testing

struct WorkerPoolTests {
    /// Where the system starts fewer threads than were asked for, those work: in a process of its own with little room
    /// for stacks.
    @Test func asManyThreadsAsThereAre() async {
        await #expect(processExitsWith: .success) {
            let (executable, context, leaves) = try EverydayProgram.make()
            var pages = [CChar](repeating: 0, count: 64)
            let file = fopen("/proc/self/statm", "r")
            fgets(&pages, 64, file)
            fclose(file)
            let room = atol(pages) * sysconf(Int32(_SC_PAGESIZE)) + 256 << 20
            var limit = rlimit(rlim_cur: rlim_t(room), rlim_max: rlim_t(room))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            let pool = WorkerPool(threads: 1024)
            precondition((1..<1024).contains(pool.threads), "\(pool.threads) threads")
            executable.run(context, on: pool)
            withExtendedLifetime(leaves) {}
        }
    }
}
