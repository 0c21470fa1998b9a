import CPeftPlugin

/// `peft.calibration/1`: there, so that a method which can do without learns that nothing was calibrated; what asks for
/// statistics is an error.
func calibrationTable() -> peft_calibration_1 {
    var table = peft_calibration_1()
    table.struct_size = UInt32(MemoryLayout<peft_calibration_1>.size)
    table.collect = { t, _ in status(t) { $0.notRunYet("collect (calibration)") } }
    table.done = { _ in 0 }
    table.of_site = { t, _, _ in
        Trace.at(t)?.notRunYet("of_site (calibration)")
        return failedValue
    }
    table.hyperparameter = { t, _, _, _ in status(t) { $0.notRunYet("hyperparameter (calibration)") } }
    return table
}
