import CPeftPlugin
import Glibc

/// What a plugin is given: the `peft_host` with its tables, which live as long as the process.
enum HostInterface {
    nonisolated(unsafe) static let host: UnsafePointer<peft_host> = {
        var host = peft_host()
        host.struct_size = UInt32(MemoryLayout<peft_host>.size)
        host.abi_version = UInt32(LoadedPlugin.abi.upperBound)
        host.abi_oldest = UInt32(LoadedPlugin.abi.lowerBound)
        host.name = UnsafePointer(strdup(HostVersion.text))
        host.table = { _, id in id.flatMap { HostInterface.tables[String(cString: $0)] } }
        return UnsafePointer(immortal(host))
    }()

    /// By id.
    private nonisolated(unsafe) static let tables: [String: UnsafeRawPointer] = [
        "peft.trace/1": UnsafeRawPointer(immortal(traceTable())),
        "peft.settings/1": UnsafeRawPointer(immortal(settingsTable())),
        "peft.model/1": UnsafeRawPointer(immortal(modelTable())),
        "peft.sites/1": UnsafeRawPointer(immortal(sitesTable())),
        "peft.parameters/1": UnsafeRawPointer(immortal(parametersTable())),
        "peft.graphs/1": UnsafeRawPointer(immortal(graphsTable())),
        "peft.site/1": UnsafeRawPointer(immortal(siteTable())),
        "peft.ops/1": UnsafeRawPointer(immortal(operatorsTable())),
        "peft.export/1": UnsafeRawPointer(immortal(exportTable())),
        "peft.config/1": UnsafeRawPointer(immortal(configTable())),
        "peft.calibration/1": UnsafeRawPointer(immortal(calibrationTable())),
        "peft.kernel/1": UnsafeRawPointer(immortal(kernelTable())),
    ]

    private static func immortal<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }
}
