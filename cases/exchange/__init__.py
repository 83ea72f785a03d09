"""The wires to a hospital: DICOMweb, and the receiver of C-STORE."""
