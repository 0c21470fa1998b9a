import Glibc
import PluginHost

/// The program that peft-host starts to run a plugin's code: it answers over descriptor 3, which nobody else gives it.
var status = stat()
guard fstat(3, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
    let text = "\(TraceProgram.name) is started by \(HostVersion.product), which runs plugins in it\n"
    write(STDERR_FILENO, text, text.utf8.count)
    exit(2)
}
TraceServer(channel: 3).run()
