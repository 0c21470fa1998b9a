import Foundation
import PluginHost
import Testing

@Suite(.serialized) struct LoadingTests {
    func error(_ defines: [String], _ manifest: PluginDescription = .broken) throws -> PluginError? {
        let path = try Build.plugin("broken.c", defines, manifest: manifest)
        return #expect(throws: PluginError.self) { try Build.load(path) }
    }

    @Test func whatTheCodeSaysIsCopied() throws {
        let path = try Build.plugin("lora.c", manifest: .lora)
        let plugin = try Build.load(path)
        #expect(plugin.description == .lora)
        // Tests that run beside this one open files.
        #expect(plugin.warnings.allSatisfy { $0.hasSuffix("changed the number of open files of this process") })
        #expect(try Build.load(path) === plugin)
    }

    @Test(arguments: [
        (["BUILT=2", "REQUIRED=2"], "requires plugin ABI 2; this host speaks ABI 1", PluginError.Code.incompatible),
        (["BUILT=0", "REQUIRED=0"], "was built with ABI 0 and requires ABI 0", .broken),
        (["BUILT=1", "REQUIRED=2"], "was built with ABI 1 and requires ABI 2", .broken),
        (["SIZE=40"], "peft_plugin.struct_size is 40, less than the", .broken),
        (["SIZE=sizeof(peft_plugin)+8", "TAIL=1"], "it needs a newer host", .incompatible),
        (["SIZE=1000000000"], "is no sensible size", .broken),
        (["CAPABILITIES=64"], "with bits that this host does not know", .incompatible),
        (["CAPABILITIES=1"], "its manifest and its code differ in capabilities", .broken),
        (["NO_PLUGIN"], "says that it cannot work with peft-host, which speaks ABI 1", .incompatible),
    ])
    func refused(defines: [String], part: String, code: PluginError.Code) throws {
        let error = try error(defines)
        #expect(error?.description.contains(part) == true, "\(error!)")
        #expect(error?.code == code)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func aNewerPluginThatDoesNotNeedIt() throws {
        var manifest = PluginDescription.broken
        manifest.abiBuiltWith = 2
        let path = try Build.plugin("broken.c", ["BUILT=2", "SIZE=sizeof(peft_plugin)+8"], manifest: manifest)
        #expect(try Build.load(path).description.abiBuiltWith == 2)
    }

    @Test func manifestsThatDiffer() throws {
        var manifest = PluginDescription.broken
        manifest.version = "2"
        manifest.hyperparameters[0].maximum = 5
        manifest.hyperparameters[0].defaultValue = .integer(3)
        let error = try error([], manifest)
        #expect(error?.message == "its manifest and its code differ in version, hyperparameters")
    }

    @Test func aPluginIsToldWhoTheHostIs() throws {
        let path = try Build.plugin("broken.c", ["SUMMARY_IS_HOST"], manifest: nil)
        #expect(try LoadedPlugin.description(ofUnlisted: path).summary == "peft-host \(HostVersion.number)")
    }

    /// What has no manifest yet is loaded no less carefully.
    @Test func theProcessStaysAsItWasWithoutAManifest() throws {
        let folder = FileManager.default.currentDirectoryPath
        let path = try Build.plugin("broken.c", ["SIDE_EFFECTS"], manifest: nil)
        #expect(try LoadedPlugin.description(ofUnlisted: path).id == "Broken")
        #expect(FileManager.default.currentDirectoryPath == folder)
        let tiny = Float.leastNormalMagnitude
        #expect(tiny * Float(Int.random(in: 1...1)) / 2 != 0)
    }

    @Test func theProcessStaysAsItWas() throws {
        let folder = FileManager.default.currentDirectoryPath
        signal(SIGUSR2, SIG_DFL)
        let plugin = try Build.load(try Build.plugin("broken.c", ["SIDE_EFFECTS"], manifest: .broken))
        #expect(FileManager.default.currentDirectoryPath == folder)
        var action = sigaction()
        sigaction(SIGUSR2, nil, &action)
        #expect(unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 0)
        // A flushed denormal would be 0.
        let tiny = Float.leastNormalMagnitude
        #expect(tiny * Float(Int.random(in: 1...1)) / 2 != 0)
        let text = plugin.warnings.joined()
        for part in ["the floating-point mode", "signal handlers", "the working directory"] {
            #expect(text.contains(part), "\(text)")
        }
    }
}
